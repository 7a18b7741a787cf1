"""The nouns of ASGI: what servers hand to applications, as the middleware passes it on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
"""One connection: its type, and for HTTP the method, path and headers."""

Message = MutableMapping[str, Any]
"""One event of a connection, by its `type`."""

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
