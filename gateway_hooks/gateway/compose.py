"""The gateway's policies, one around the other: the order in which a request meets them.

Each is an ASGI application around the next, and can stand alone in any other ASGI gateway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway_hooks.asgi import UsageMiddleware
from gateway_hooks.gateway.access import AccessControl, Permissions, answer_denied
from gateway_hooks.gateway.bounds import Bounds, RequestBounds
from gateway_hooks.gateway.budgets import BudgetState, SpendBudgets
from gateway_hooks.gateway.content_safety import ContentSafety
from gateway_hooks.gateway.limits import TokenLimits
from gateway_hooks.gateway.operations import Operations, Watched
from gateway_hooks.gateway.plain_requests import PlainRequests
from gateway_hooks.gateway.pool.backend_pool import BackendPool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_hooks.asgi_types import App
    from gateway_hooks.gateway.budgets import BudgetEnforcement
    from gateway_hooks.gateway.config import GatewayConfig
    from gateway_hooks.gateway.parts import Parts

BUDGET_STATE: Final = "budget-state.json"


def compose(config: GatewayConfig, parts: Parts, environment: Mapping[str, str]) -> App:
    """The gateway of a file. Read it from the last line upwards: that is a request's way.

    Raises:
        SettingsError: something that the file names is not there.
    """
    pools = config.made_pools(environment)
    memory, kept = parts.memory, config.bounds.kept_body_bytes
    app: App = BackendPool(pools, memory, kept_bytes=kept, realtime=config.realtime)
    if config.content_safety is not None:
        app = ContentSafety(app, config.content_safety, parts.safety_service, kept_bytes=kept)
    if config.budgets is not None:
        state = _budget_state(config.budgets, parts)
        app = SpendBudgets(app, state, config.budgets, names=pools.names)
    if config.limits:
        counters = parts.counters(config.limit_counters)
        app = TokenLimits(
            app,
            limits=config.limits,
            counters=counters,
            estimator=parts.estimator,
            clock=parts.clock,
        )
    app = Permissions(app, config.access, config.products, parts.access.owners)
    app = PlainRequests(app)
    app = UsageMiddleware(app, parts.meter)
    app = AccessControl(
        app,
        config.access,
        parts.access.door(config.access, config.entra),
        refused=UsageMiddleware(answer_denied, parts.meter),
    )
    bounds = Bounds(config.bounds.max_body_bytes, config.bounds.body_seconds, kept)
    app = RequestBounds(app, bounds)
    watched = Watched(pools, memory.breakers, memory.cooldowns, parts.metrics)
    return Operations(app, watched, config.operations.key(environment))


def _budget_state(settings: BudgetEnforcement, parts: Parts) -> BudgetState:
    file = settings.state_file or parts.home / BUDGET_STATE
    return BudgetState(file, parts.clock, stale_seconds=settings.stale_seconds)
