"""One request to one backend: send it, judge the answer, pass it on if it is for the caller."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway_hooks.clock import utc_now
from gateway_hooks.compose_attempt import HTTP_STATUS
from gateway_hooks.gateway import refusals
from gateway_hooks.gateway.pool.affinity import HEAD_BYTES, new_item
from gateway_hooks.gateway.pool.credentials import CredentialError
from gateway_hooks.gateway.pool.garbage import is_garbage
from gateway_hooks.gateway.pool.outcomes import Outcome
from gateway_hooks.gateway.pool.upstream import ERRORS, Outgoing, error_name, is_late
from gateway_hooks.gateway.pool.verdict import Verdict, judge, needs_body
from gateway_hooks.gateway.pool.wire_headers import answer_headers, request_headers, request_target
from gateway_hooks.gateway.request_body import ClientLeft
from gateway_hooks.gateway.retarget import retargeted
from gateway_hooks.reading.throttling import retry_after_ms, throttle_kind

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Send
    from gateway_hooks.attempts import AttemptRecorder
    from gateway_hooks.gateway.incoming import IncomingRequest
    from gateway_hooks.gateway.pool.memory import Memory
    from gateway_hooks.gateway.pool.pools import Route
    from gateway_hooks.gateway.pool.upstream import Answer

_SUCCESS: Final = range(200, 300)
_JUDGED_BYTES: Final = 1 << 20
HELD_BYTES: Final = 8 << 20
"""Longest answer that is held until it is whole; of a longer one, so much of its beginning."""
_NS: Final = 1_000_000_000


class OneTry:
    """A request, a route, and what came of it."""

    def __init__(
        self,
        memory: Memory,
        request: IncomingRequest,
        route: Route,
        recorder: AttemptRecorder,
        deadline_ns: int,
    ) -> None:
        self._memory = memory
        self._request = request
        self._backend = route.backend
        self._deployment = route.deployment_for(request.deployment)
        self._recorder = recorder
        self._deadline_ns = deadline_ns
        self._answer: Answer | None = None

    async def run(self, send: Send) -> Outcome | None:
        """Ask the backend; None when its answer went to the caller.

        Raises:
            ClientLeft: the caller left before it had sent its whole request.
            Exception: one of `ERRORS`; the caller has the beginning of an answer without an end.
        """
        try:
            outcome = await self._ask()
            if outcome is None and self._answer is not None:
                await self._pass_on(self._answer, send)
            return outcome
        finally:
            if self._answer is not None:
                await self._answer.close()

    async def _ask(self) -> Outcome | None:
        """None when there is an answer and it is the caller's."""
        try:
            async with asyncio.timeout(self._patience()):
                answer = self._answer = await self._open()
                await self._begin(answer)
            return await self._judge(answer)
        except (*ERRORS, CredentialError) as error:
            if self._request.body.has_left:
                raise ClientLeft from None
            return self._failed(error)

    async def _open(self) -> Answer:
        request = self._request
        target, kept = retargeted(request, self._deployment)
        headers = request_headers(
            request.headers,
            self._backend,
            credential=await self._memory.credentials.header(self._backend),
            length=None if kept is None else len(kept),
            readable_answer=request.makes_item,
        )
        outgoing = Outgoing(
            method=request.method.encode(),
            target=request_target(target, self._backend),
            headers=headers,
            content=request.body.stream() if kept is None else kept,
        )
        return await self._memory.upstream.open(self._backend, outgoing)

    async def _begin(self, answer: Answer) -> None:
        """Wait for the first bytes of a good answer, or for all that it is to be judged by."""
        if answer.status not in HTTP_STATUS:
            return
        if self._is_to_be_read(answer):
            await answer.peek(_JUDGED_BYTES)
            return
        self._recorder.answered(answer.status, answer.lowered)
        if answer.status in _SUCCESS:
            await answer.peek(0)

    def _is_to_be_read(self, answer: Answer) -> bool:
        refers = self._request.item_id is not None
        return needs_body(self._request.method, answer.status, refers_to_item=refers)

    def _patience(self) -> float:
        """How long the answer may take to begin, up to the first byte of its body."""
        times = self._memory.upstream.timeouts
        usual = times.first_byte_of_stream if self._request.facts.stream else times.first_byte
        left = (self._deadline_ns - self._memory.clock.monotonic_ns()) / _NS
        return max(0.001, min(usual, left))

    async def _judge(self, answer: Answer) -> Outcome | None:
        """None for an answer that is the caller's."""
        request = self._request
        if answer.status not in HTTP_STATUS:
            # No server could pass such a status on; the attempt was answered, but not in HTTP.
            return self._failed(ValueError("no HTTP status"))
        if not self._is_to_be_read(answer):
            return await self._accept(answer)
        body, lowered = answer.peeked, answer.lowered
        kind = throttle_kind(answer.status, lowered, body[:4096].decode("utf-8", "replace"))
        self._recorder.answered(answer.status, lowered, kind)
        verdict = judge(
            request.method,
            answer.status,
            body,
            refers_to_item=request.item_id is not None,
            own_key=self._backend.has_credential,
        )
        wait = retry_after_ms(lowered, utc_now(self._memory.clock))
        self._note(verdict, wait)
        if verdict is Verdict.PASS:
            return None
        headers = answer_headers(answer.headers, self._backend, request.origin)
        return Outcome(verdict, refusals.kept(answer.status, headers, body), wait)

    async def _accept(self, answer: Answer) -> Outcome | None:
        """Hold a good answer until it is known to be one: whole if it is JSON, else its beginning.

        A caller can do nothing with half of a JSON text, so it loses nothing, and a backend that
        breaks off or talks nonsense is followed by another.
        """
        if answer.status in _SUCCESS:
            lowered, head = answer.lowered, answer.peeked
            if lowered.get("content-type", "").lower().startswith("application/json"):
                head = await answer.peek(HELD_BYTES)
            if is_garbage(self._request.call, lowered, head, whole=len(head) <= HELD_BYTES):
                return self._failed(ValueError("garbage"), "InvalidAnswer")
        self._note(Verdict.PASS, None)
        return None

    def _note(self, verdict: Verdict, wait: float | None) -> None:
        refers = self._request.item_id is not None
        self._memory.note(self._backend, self._deployment, verdict, wait, refers_to_item=refers)

    def _failed(self, error: Exception, name: str | None = None) -> Outcome:
        known = error_name(error) if isinstance(error, ERRORS) else error
        self._recorder.failed(name or known)
        self._note(Verdict.FAILED, None)
        late = is_late(error)
        return Outcome(Verdict.FAILED, refusals.too_slow() if late else refusals.unreachable())

    async def _pass_on(self, answer: Answer, send: Send) -> None:
        headers = answer_headers(answer.headers, self._backend, self._request.origin)
        headers.append((b"x-gatemeter-backend", self._backend.name.encode("ascii", "replace")))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        found = answer.status in _SUCCESS
        if found and self._request.item_id is not None:
            self._memory.affinity.remember(self._request.item_id, self._backend.name)
        looking, head = found and self._request.makes_item, b""
        more = True
        while more:
            chunk = await answer.next_chunk()
            if looking:
                head += chunk[:HEAD_BYTES]
                looking = not self._remember(head) and len(head) < HEAD_BYTES
            more = bool(chunk) and not answer.is_whole
            await send({"type": "http.response.body", "body": chunk, "more_body": more})

    def _remember(self, head: bytes) -> bool:
        item_id = new_item(head)
        if item_id is not None:
            self._memory.affinity.remember(item_id, self._backend.name)
        return item_id is not None
