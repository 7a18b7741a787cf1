"""What a caller may call: its product's deployments, and stored items that it made itself.

A deployment in the path decides, since that is what Azure serves; without one the body's `model`
does. What a request names in two ways is refused (400), never guessed at: see `request_line` and
`request_names`. Stands inside of metering and of whatever tells the caller (`scope[CALLER]`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_hooks.gateway.access import not_permitted as refusing
from gateway_hooks.gateway.access.denied import Denied, deny
from gateway_hooks.gateway.access.may_call import by_body, by_line, wants_body
from gateway_hooks.gateway.access.new_items import NewItems
from gateway_hooks.gateway.access.products import allowances
from gateway_hooks.gateway.access.request_line import read_line
from gateway_hooks.gateway.incoming import incoming
from gateway_hooks.gateway.request_body import ClientLeft
from gateway_hooks.known_caller import caller_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway_hooks.asgi_types import App, Receive, Scope, Send
    from gateway_hooks.gateway.access.owners import Owners
    from gateway_hooks.gateway.access.request_line import RequestLine
    from gateway_hooks.gateway.access.settings import AccessSettings, Product
    from gateway_hooks.known_caller import KnownCaller


class Permissions:
    """Refuses what a caller may not do; a plain ASGI callable."""

    def __init__(
        self,
        app: App,
        settings: AccessSettings,
        products: Sequence[Product],
        owners: Owners,
    ) -> None:
        """Wrap an application.

        Args:
            app: what permitted requests reach.
            settings: of access control.
            products: a caller's product has to be among them.
            owners: who made what is stored; lives as long as the process.

        Raises:
            SettingsError: two products share a name.
        """
        self._app = app
        self._settings = settings
        self._products = allowances(products)
        self._owners = owners

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        caller = caller_of(scope)
        if scope["type"] not in {"http", "websocket"} or (
            caller is None and self._settings.anonymous
        ):
            await self._app(scope, receive, send)
            return
        try:
            await self._serve(caller, scope, receive, send)
        except ClientLeft:
            return

    async def _serve(
        self, caller: KnownCaller | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        allowance = self._products.get(caller.product or "") if caller else None
        line = read_line(scope)
        if caller is None or allowance is None:
            await deny(refusing.unknown_product(), scope, send)
            return
        if line is None:
            await deny(refusing.ambiguous_path(), scope, send)
            return
        denied, items = by_line(allowance, line, scope), line.items
        if denied is None and self._lists_of_others(line, scope):
            denied = refusing.operation()
        if denied is None and wants_body(allowance, line, scope):
            request = await incoming(scope, receive)
            receive = request.body.receive
            denied, referred = by_body(allowance, line, request, scope)
            items += referred
        denied = denied or await self._by_owner(caller, items)
        if denied is not None:
            await deny(denied, scope, send)
            return
        if line.makes_items and scope.get("method") == "POST":
            send = NewItems(self._owners, caller.key_id, send).send
        await self._app(scope, receive, send)

    def _lists_of_others(self, line: RequestLine, scope: Scope) -> bool:
        is_read = scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}
        return is_read and line.lists_items and self._settings.unknown_items == "deny"

    async def _by_owner(self, caller: KnownCaller, items: Iterable[str]) -> Denied | None:
        for item in items:
            owner = await self._owners.owner(item)
            if owner is None and self._settings.unknown_items == "allow":
                continue
            if owner != caller.key_id:
                return refusing.not_found("unknown_item" if owner is None else "not_owner")
        return None
