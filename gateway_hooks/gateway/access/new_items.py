"""The answer that makes a stored item, held back until its owner is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway_hooks.gateway.pool.affinity import HEAD_BYTES, new_item

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Message, Send
    from gateway_hooks.gateway.access.owners import Owners

_SUCCESS: Final = range(200, 300)


class NewItems:
    """Stands before the server's `send`; of a stream it holds the first event for a moment."""

    def __init__(self, owners: Owners, key_id: str, send: Send) -> None:
        self._owners = owners
        self._key_id = key_id
        self._send = send
        self._held: list[Message] = []
        self._head = b""
        self._is_looking = True

    async def send(self, message: Message) -> None:
        """ASGI."""
        if not self._is_looking:
            await self._send(message)
            return
        if message["type"] == "http.response.start":
            self._is_looking = message["status"] in _SUCCESS
            await self._pass_or_hold(message)
            return
        room = HEAD_BYTES - len(self._head)
        self._head += message.get("body", b"")[:room]
        item_id = new_item(self._head)
        if item_id is not None:
            await self._owners.remember(item_id, self._key_id)
        is_last = not message.get("more_body", False)
        if item_id is not None or is_last or len(self._head) >= HEAD_BYTES:
            self._is_looking = False
        await self._pass_or_hold(message)

    async def _pass_or_hold(self, message: Message) -> None:
        self._held.append(message)
        if not self._is_looking:
            held, self._held = self._held, []
            for one in held:
                await self._send(one)
