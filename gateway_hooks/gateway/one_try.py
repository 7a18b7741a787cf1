"""One request to one backend: send it, judge the answer, pass it on if it is for the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpcore

from gateway_hooks.clock import utc_now
from gateway_hooks.compose_attempt import HTTP_STATUS
from gateway_hooks.gateway import refusals
from gateway_hooks.gateway.affinity import HEAD_BYTES, new_item
from gateway_hooks.gateway.outcomes import Outcome
from gateway_hooks.gateway.upstream import ERRORS, Outgoing
from gateway_hooks.gateway.verdict import Verdict, judge, needs_body
from gateway_hooks.gateway.wire_headers import answer_headers, request_headers, request_target
from gateway_hooks.reading.headers import lower_headers
from gateway_hooks.reading.throttling import retry_after_ms, throttle_kind

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Send
    from gateway_hooks.attempts import AttemptRecorder
    from gateway_hooks.clock import Clock
    from gateway_hooks.gateway.affinity import Affinity
    from gateway_hooks.gateway.backends import Backend
    from gateway_hooks.gateway.cooldown import Cooldowns
    from gateway_hooks.gateway.incoming import IncomingRequest
    from gateway_hooks.gateway.upstream import Answer, Upstream

_SUCCESS: Final = range(200, 300)
_JUDGED_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Memory:
    """What the gateway knows from earlier requests, and how it reaches backends."""

    upstream: Upstream
    cooldowns: Cooldowns
    affinity: Affinity
    clock: Clock


class OneTry:
    """A request, a backend, and what came of it."""

    def __init__(
        self,
        memory: Memory,
        request: IncomingRequest,
        backend: Backend,
        recorder: AttemptRecorder,
    ) -> None:
        self._memory = memory
        self._request = request
        self._backend = backend
        self._recorder = recorder

    async def run(self, send: Send) -> Outcome | None:
        """Ask the backend; None when its answer went to the caller.

        Raises:
            Exception: one of `ERRORS`; the caller has the beginning of an answer without an end.
        """
        try:
            answer = await self._open()
        except ERRORS as error:
            return self._failed(error)
        try:
            outcome = await self._judge(answer)
            if outcome is None:
                await self._pass_on(answer, send)
            return outcome
        finally:
            await answer.close()

    async def _open(self) -> Answer:
        request = self._request
        kept = request.body.kept
        headers = request_headers(
            request.headers,
            self._backend,
            length=None if kept is None else len(kept),
            readable_answer=request.makes_item,
        )
        outgoing = Outgoing(
            method=request.method.encode(),
            target=request_target(request.target, self._backend),
            headers=headers,
            content=request.body.stream() if kept is None else kept,
        )
        return await self._memory.upstream.open(self._backend, outgoing)

    async def _judge(self, answer: Answer) -> Outcome | None:
        """None for an answer that is the caller's."""
        request = self._request
        if answer.status not in HTTP_STATUS:
            # No server could pass such a status on; the attempt was answered, but not in HTTP.
            return self._failed(ValueError("no HTTP status"))
        refers = request.item_id is not None
        if not needs_body(request.method, answer.status, refers_to_item=refers):
            self._recorder.answered(answer.status, answer.headers)
            self._memory.cooldowns.answered(self._backend, request.deployment)
            return None
        try:
            body = await answer.peek(_JUDGED_BYTES)
        except ERRORS as error:
            return self._failed(error)
        lowered = lower_headers(answer.headers)
        kind = throttle_kind(answer.status, lowered, body[:4096].decode("utf-8", "replace"))
        self._recorder.answered(answer.status, answer.headers, kind)
        verdict = judge(
            request.method,
            answer.status,
            body,
            refers_to_item=refers,
            own_key=self._backend.key is not None,
        )
        if verdict is Verdict.PASS:
            return None
        wait = retry_after_ms(lowered, utc_now(self._memory.clock))
        self._note(verdict, wait)
        headers = answer_headers(answer.headers, self._backend, request.origin)
        return Outcome(verdict, refusals.kept(answer.status, headers, body), wait)

    def _note(self, verdict: Verdict, wait: float | None) -> None:
        """Remember a refusal for the requests to come."""
        backend, deployment = self._backend, self._request.deployment
        if verdict is Verdict.THROTTLED or (verdict is Verdict.FAILED and wait is not None):
            self._memory.cooldowns.throttled(backend, deployment, wait)
        elif verdict is Verdict.FAILED:
            self._memory.cooldowns.troubled(backend, deployment)
        elif self._request.item_id is None:
            self._memory.cooldowns.absent(backend, deployment)

    def _failed(self, error: Exception) -> Outcome:
        self._recorder.failed(error)
        self._memory.cooldowns.troubled(self._backend, self._request.deployment)
        late = isinstance(error, httpcore.ReadTimeout)
        return Outcome(Verdict.FAILED, refusals.too_slow() if late else refusals.unreachable())

    async def _pass_on(self, answer: Answer, send: Send) -> None:
        headers = answer_headers(answer.headers, self._backend, self._request.origin)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        found = answer.status in _SUCCESS
        if found and self._request.item_id is not None:
            self._memory.affinity.remember(self._request.item_id, self._backend.name)
        looking, head = found and self._request.makes_item, b""
        async for chunk in answer.chunks():
            if looking:
                head += chunk[:HEAD_BYTES]
                looking = not self._remember(head) and len(head) < HEAD_BYTES
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _remember(self, head: bytes) -> bool:
        item_id = new_item(head)
        if item_id is not None:
            self._memory.affinity.remember(item_id, self._backend.name)
        return item_id is not None
