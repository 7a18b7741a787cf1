"""The policy: what happens to a request whose caller has used up a budget.

`deny` answers 403, `downgrade` sends it to a cheaper deployment, `warn` says so in a header. What
names its deployment in no way that can be changed is denied instead of downgraded. Of several
budgets that are used up the strictest counts. The store is never asked here: spend is as old as the
state that was published, usually some seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway_hooks.decisions import record_decision
from gateway_hooks.gateway.incoming import handed_on, incoming
from gateway_hooks.gateway.refusals import answer_with, refusal, refuse
from gateway_hooks.gateway.request_body import ClientLeft
from gateway_hooks.gateway.retarget import redirected
from gateway_hooks.known_caller import caller_of
from gateway_hooks.reading.operations import recognise

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from gateway_hooks.asgi_types import App, Message, Receive, Scope, Send
    from gateway_hooks.gateway.budgets.settings import BudgetEnforcement
    from gateway_hooks.gateway.budgets.state import BudgetState, EnforcedBudget
    from gateway_hooks.gateway.incoming import IncomingRequest
    from gateway_hooks.gateway.refusals import Refusal

POLICY: Final = "budgets"
_STRICTEST_FIRST: Final = {"deny": 0, "downgrade": 1, "warn": 2}
_WARNING: Final = b"x-gatemeter-budget-warning"
_DOWNGRADED: Final = b"x-gatemeter-downgraded-to"


class SpendBudgets:
    """Enforces budgets; an ASGI application around another."""

    def __init__(
        self,
        app: App,
        state: BudgetState,
        settings: BudgetEnforcement,
        *,
        names: Callable[[str | None], Collection[str]] | None = None,
    ) -> None:
        """Wrap an application.

        Args:
            app: what requests reach.
            state: what was used.
            settings: of the operator.
            names: what a deployment that is asked for is called, by backends too: spend is known
                by their names. Without it, as the caller calls it.
        """
        self._names = names or _own_name
        self._app = app
        self._state = state
        self._denies_stale = settings.when_stale == "deny"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "websocket":
            await self._handshake(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            request = await incoming(scope, receive)
        except ClientLeft:
            return
        budget = self._applying(scope, request.deployment)
        if not request.call.reads_usage:
            await self._app(scope, request.body.receive, send)
        elif self._lacks_figures(budget):
            await self._without_figures(scope, request.body.receive, send)
        elif budget is not None and budget.is_used_up:
            await self._enforce(budget, scope, request, send)
        else:
            await self._app(scope, request.body.receive, send)

    async def _handshake(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A session begins, or not: its model cannot be exchanged, so a downgrade denies it."""
        query: bytes = scope.get("query_string", b"")
        call = recognise("GET", scope["path"], query.decode("latin-1"))
        budget = self._applying(scope, call.deployment or call.model)
        if self._lacks_figures(budget):
            await self._without_figures(scope, receive, send)
            return
        if budget is not None and budget.is_used_up:
            warns = budget.enforce == "warn"
            record_decision(POLICY, "warned" if warns else "denied", budget.name)
            if not warns:
                await refuse(scope, send, _over(budget))
                return
        await self._app(scope, receive, send)

    def _lacks_figures(self, budget: EnforcedBudget | None) -> bool:
        """Whether it matters to a request what was spent, and nobody knows."""
        return (budget is not None or not self._state.is_known) and self._state.is_stale

    def _applying(self, scope: Scope, deployment: str | None) -> EnforcedBudget | None:
        """The budget to go by: one that is used up before one that is not, the strictest first."""
        budgets = self._state.budgets()
        if not budgets:
            return None
        caller, names = caller_of(scope), self._names(deployment)
        found = [budget for budget in budgets if budget.concerns(caller, names)]
        return min(
            found,
            key=lambda one: (not one.is_used_up, _STRICTEST_FIRST.get(one.enforce, 0)),
            default=None,
        )

    async def _without_figures(self, scope: Scope, receive: Receive, send: Send) -> None:
        record_decision(POLICY, "denied" if self._denies_stale else "failed_open", "stale")
        if self._denies_stale:
            await refuse(scope, send, _unknown())
        else:
            await self._app(scope, receive, send)

    async def _enforce(
        self, budget: EnforcedBudget, scope: Scope, request: IncomingRequest, send: Send
    ) -> None:
        if budget.enforce == "warn":
            record_decision(POLICY, "warned", budget.name)
            told = _with_header(send, _WARNING, budget.name)
            await self._app(scope, request.body.receive, told)
            return
        cheaper = budget.downgrade_to if budget.enforce == "downgrade" else None
        if cheaper is not None and cheaper == request.deployment:
            await self._app(scope, request.body.receive, send)
            return
        changed = None if cheaper is None else redirected(request, cheaper)
        if cheaper is None or changed is None or not _differs(changed, request):
            record_decision(POLICY, "denied", budget.name)
            await answer_with(send, _over(budget))
            return
        record_decision(POLICY, "downgraded", budget.name)
        told = _with_header(send, _DOWNGRADED, cheaper)
        await self._app(handed_on(scope, changed), changed.body.receive, told)


def _own_name(deployment: str | None) -> tuple[str, ...]:
    return () if deployment is None else (deployment,)


def _differs(changed: IncomingRequest, request: IncomingRequest) -> bool:
    return (changed.target, changed.body.kept) != (request.target, request.body.kept)


def _unknown() -> Refusal:
    message = "What was spent is not known at present. Please retry later."
    return refusal(503, "BudgetStateUnknown", message)


def _over(budget: EnforcedBudget) -> Refusal:
    message = (
        f"The budget {budget.name} is used up ({budget.limit} {budget.unit}). "
        f"It begins anew at {budget.until:%Y-%m-%d %H:%M} UTC."
    )
    return refusal(403, "BudgetExceeded", message)


def _with_header(send: Send, name: bytes, value: str) -> Send:
    """A `send` that adds a header to the answer."""
    header = (name, value.encode("ascii", "replace"))

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), header]}
        await send(message)

    return told
