"""The policy: what callers say to models is checked before the call, and answers if wanted.

    service = SafetyService()
    app = ContentSafety(app, settings, service)

It stands inside of the metering and outside of whatever calls backends. Nothing of a text leaves
it but to the service: events get categories and severities only.
"""

from __future__ import annotations

import asyncio
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from gateway_hooks.attempts import annotate
from gateway_hooks.decisions import record_decision
from gateway_hooks.gateway.content_safety.answer_side import CHECKED_ANSWERS, POLICY, AnswerSide
from gateway_hooks.gateway.content_safety.assessment import Assessment, failed
from gateway_hooks.gateway.content_safety.blocked import blocked_prompt, unchecked
from gateway_hooks.gateway.content_safety.checker import Checker
from gateway_hooks.gateway.content_safety.prompt_text import CHECKED, Unreadable, request_texts
from gateway_hooks.gateway.content_safety.service import SafetyService
from gateway_hooks.gateway.incoming import KEPT_BYTES, incoming
from gateway_hooks.gateway.refusals import answer_with
from gateway_hooks.gateway.request_body import ClientLeft
from gateway_hooks.known_caller import caller_of
from gateway_hooks.reading.operations import recognise

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import App, Receive, Scope, Send
    from gateway_hooks.gateway.content_safety.settings import ContentSafetySettings
    from gateway_hooks.gateway.incoming import IncomingRequest
    from gateway_hooks.gateway.refusals import Refusal
    from gateway_hooks.reading.operations import Call

DRAIN_SECONDS: Final = 10.0
"""How long the rest of a stream is read for its usage, after the caller got its end."""


class ContentSafety:
    """Azure AI Content Safety before and, if wanted, behind `app`; a plain ASGI callable."""

    def __init__(
        self,
        app: App,
        settings: ContentSafetySettings,
        service: SafetyService | None = None,
        *,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        """Wrap an application.

        Args:
            app: what is asked when nothing is wrong.
            settings: the operator's.
            service: lives longer than this object and is closed by its owner; an own one, closed
                at the end of the application's life, when not given.
            kept_bytes: a longer request cannot be checked.

        Raises:
            SettingsError: the key is missing, or the identity.
        """
        self._app = app
        self._settings = settings
        self._service = service or SafetyService()
        self._owns_service = service is None
        self._checker = Checker(settings, self._service)
        self._kept_bytes = kept_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            if scope["type"] == "lifespan" and self._owns_service:
                await self._service.close()
            return
        query: bytes = scope.get("query_string", b"")
        call = recognise(scope["method"], scope["path"], query.decode("latin-1"))
        if not self._concerns(call) or not self._is_for(scope):
            await self._app(scope, receive, send)
            return
        try:
            request = await incoming(scope, receive, kept_bytes=self._kept_bytes)
        except ClientLeft:
            return
        await self._serve(scope, request, send)

    def _concerns(self, call: Call) -> bool:
        return call.operation in CHECKED or self._checks_answer(call)

    def _checks_answer(self, call: Call) -> bool:
        return self._settings.check_answers != "off" and call.operation in CHECKED_ANSWERS

    def _is_for(self, scope: Scope) -> bool:
        """Whether the caller's product is one whose calls are checked."""
        patterns = self._settings.products
        if not patterns:
            return True
        caller = caller_of(scope)
        product = "" if caller is None else caller.product or ""
        return any(fnmatchcase(product, pattern) for pattern in patterns)

    def _is_about(self, deployment: str | None) -> bool:
        """The same for the deployment; a call that names none is checked to be safe."""
        patterns = self._settings.deployments
        if not patterns or deployment is None:
            return True
        name = deployment.lower()
        return any(fnmatchcase(name, pattern.lower()) for pattern in patterns)

    async def _serve(self, scope: Scope, request: IncomingRequest, send: Send) -> None:
        if not self._is_about(request.deployment):
            await self._app(scope, request.body.receive, send)
            return
        if request.call.operation in CHECKED:
            refused = await self._refusal(request)
            if refused is not None:
                await answer_with(send, refused)
                return
        if self._checks_answer(request.call):
            await self._serve_checked(scope, request, send)
        else:
            await self._app(scope, request.body.receive, send)

    async def _refusal(self, request: IncomingRequest) -> Refusal | None:
        """Check what the request says."""
        assessment = await self._assess(request)
        settings = self._settings
        reason = assessment.blocked_for(settings)
        if reason is not None:
            record_decision(POLICY, "denied", reason)
            return blocked_prompt(settings.blocked_status, assessment.results(settings))
        if assessment.failure is not None:
            # What cannot be read is the caller's choice, no failure of the service: if it passed,
            # whoever wanted to could leave the checks out.
            if settings.on_failure == "closed" or assessment.failure == "unreadable":
                record_decision(POLICY, "denied", assessment.failure)
                return unchecked(assessment.failure)
            record_decision(POLICY, "failed_open", assessment.failure)
        noted = assessment.noteworthy(settings)
        if noted:
            annotate(content_filter={"prompt": noted})
        return None

    async def _assess(self, request: IncomingRequest) -> Assessment:
        try:
            texts = request_texts(request, self._settings)
        except Unreadable:
            return failed("unreadable")
        return await self._checker.check(texts)

    async def _serve_checked(self, scope: Scope, request: IncomingRequest, send: Send) -> None:
        """Call the application for an answer that can be read, and stand before it."""
        headers = [pair for pair in request.headers if pair[0].lower() != b"accept-encoding"]
        request.headers = [*headers, (b"accept-encoding", b"identity")]
        loop = asyncio.get_running_loop()
        limit = asyncio.timeout(None)
        answer = AnswerSide(
            self._settings,
            self._checker,
            send,
            lambda: limit.reschedule(loop.time() + DRAIN_SECONDS),
        )
        try:
            async with limit:
                await self._app(
                    {**scope, "headers": request.headers}, request.body.receive, answer.send
                )
        except TimeoutError:
            if not limit.expired():
                raise
            await answer.end()
