"""The policy: no caller gets more tokens or requests than its limits allow.

    app.add_middleware(TokenLimits, limits=[Limit(name="all", tokens_per_minute=100_000)])

It stands inside of the metering (`UsageMiddleware`), which tells it what a request has used, and of
whatever finds out who calls. Without metering it works on its estimates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from gateway_hooks.attempts import current_exchange
from gateway_hooks.clock import SystemClock
from gateway_hooks.decisions import record_decision, when_recorded
from gateway_hooks.gateway.incoming import incoming
from gateway_hooks.gateway.limits.answers import denied, unreachable
from gateway_hooks.gateway.limits.estimate import Estimator
from gateway_hooks.gateway.limits.hold import Hold
from gateway_hooks.gateway.limits.limited_answer import LimitedAnswer
from gateway_hooks.gateway.limits.local import LocalCounters
from gateway_hooks.gateway.limits.matching import Matcher, Subject
from gateway_hooks.gateway.refusals import answer_with, refuse
from gateway_hooks.gateway.request_body import ClientLeft
from gateway_hooks.known_caller import caller_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway_hooks.asgi_types import App, Receive, Scope, Send
    from gateway_hooks.clock import Clock
    from gateway_hooks.gateway.incoming import IncomingRequest
    from gateway_hooks.gateway.limits.counting import Counters, Demand, Verdict
    from gateway_hooks.gateway.limits.settings import Limit
    from gateway_hooks.gateway.refusals import Refusal

POLICY = "token_limits"


class TokenLimits:
    """Refuses what is over a limit, counts the rest; a plain ASGI callable."""

    def __init__(
        self,
        app: App,
        *,
        limits: Sequence[Limit] = (),
        counters: Counters | None = None,
        estimator: Estimator | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Wrap an application; cheap, so that new settings get a new one.

        Args:
            app: what is limited.
            limits: of the settings; all that fit a request apply to it.
            counters: who counts; those of the process when not given. They outlive settings.
            estimator: counts prompts; outlives settings as well.
            clock: the system's unless a test has another.

        Raises:
            SettingsError: two limits have the same name.
        """
        self.app = app
        self._matcher = Matcher(limits)
        self._clock = clock or SystemClock()
        self._counters = counters or LocalCounters(self._clock)
        self._estimator = estimator or Estimator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if not self._matcher.has_limits:
            await self.app(scope, receive, send)
            return
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "websocket":
                await self._websocket(scope, receive, send)
            case _:
                await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            request = await incoming(scope, receive)
        except ClientLeft:
            return
        demands = self._matcher.demands(_subject(scope, _deployment(request)))
        if not demands:
            await self.app(scope, request.body.receive, send)
            return
        hold, verdict = await self._reserve(demands, request)
        refusal = self._refusal(verdict)
        if refusal is not None:
            await answer_with(LimitedAnswer.own(send), refusal)
            return
        answer = LimitedAnswer(send, request.call, hold, verdict.standings)
        hold.is_metered = when_recorded(hold.recorded)
        try:
            await self.app(scope, request.body.receive, answer.send)
            hold.is_abandoned = not answer.has_begun
        finally:
            hold.end(succeeded=answer.succeeded)

    async def _reserve(
        self, demands: Sequence[Demand], request: IncomingRequest
    ) -> tuple[Hold, Verdict]:
        """Reserve by a quick estimate, and by an exact one if only that can help."""
        if not any(demand.figures.counts_tokens for demand in demands):
            verdict = await self._counters.reserve(demands, 0)
            return Hold(verdict.reservation, 0, 0), verdict
        smallest = min(demand.figures.smallest_tokens for demand in demands)
        estimate = await self._estimator.first(request, int(smallest))
        verdict = await self._counters.reserve(demands, estimate.tokens)
        if _is_about_tokens(verdict) and not estimate.is_counted:
            exact = await self._estimator.counted(request)
            if exact.tokens < estimate.tokens:
                estimate = exact
                verdict = await self._counters.reserve(demands, estimate.tokens)
        return Hold(verdict.reservation, estimate.tokens, estimate.prompt), verdict

    def _refusal(self, verdict: Verdict) -> Refusal | None:
        """What the caller gets instead of an answer, told to the event as well."""
        if verdict.refused:
            record_decision(POLICY, "denied", "counters_unreachable")
            return unreachable()
        if not verdict.reachable:
            record_decision(POLICY, "failed_open", "counters_unreachable")
        if verdict.denial is None:
            return None
        record_decision(POLICY, "denied", verdict.denial.reason)
        return denied(verdict.denial, verdict.standings, self._clock.wall_ns())

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request at the handshake, running while the session does; tokens as they are used."""
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        named = query.get("deployment") or query.get("model") or [""]
        demands = self._matcher.demands(_subject(scope, named[0]))
        if not demands:
            await self.app(scope, receive, send)
            return
        verdict = await self._counters.reserve(demands, 0)
        refusal = self._refusal(verdict)
        if refusal is not None:
            await refuse(scope, send, refusal)
            return
        taken = verdict.reservation
        if taken is None:
            await self.app(scope, receive, send)
            return
        when_recorded(
            lambda usage: taken.use((usage.input_tokens or 0) + (usage.output_tokens or 0))
        )
        try:
            await self.app(scope, receive, send)
        finally:
            taken.release()


def _is_about_tokens(verdict: Verdict) -> bool:
    return verdict.denial is not None and verdict.denial.reason.startswith("tokens_")


def _deployment(request: IncomingRequest) -> str | None:
    """What is asked for; None when only a body that was not read could tell."""
    if request.deployment is None and request.call.reads_usage and request.body.kept is None:
        return None
    return request.deployment or ""


def _subject(scope: Scope, deployment: str | None) -> Subject:
    """Who calls: as access control has found, else as the metering knows the key."""
    caller = caller_of(scope)
    if caller is not None:
        return Subject(
            caller.key_id,
            caller.key_name or "",
            caller.team or "",
            caller.product or "",
            deployment,
        )
    exchange = current_exchange.get()
    if exchange is None:
        return Subject(deployment=deployment)
    notes = exchange.notes
    return Subject(
        exchange.caller.key_id or "",
        notes.key_name or "",
        notes.team or "",
        notes.product or "",
        deployment,
    )
