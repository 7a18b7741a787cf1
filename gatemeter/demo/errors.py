"""What can go wrong in the demo."""

from __future__ import annotations

from gateway_hooks.errors import GatewayHooksError


class DemoError(GatewayHooksError):
    """The demo cannot go on; the message is one line that says what to do or where to look."""
