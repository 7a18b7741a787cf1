"""The metered side of a WebSocket: frames pass as they are, the last of a response after its event.

Whatever stands inside may call `when_recorded` and `record_decision` while it handles the
handshake: an observer is called for each event of the session (and once with nothing, when there
was none), a decision goes with the session's next event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway_hooks.async_settle import settle
from gateway_hooks.attempts import current_exchange
from gateway_hooks.reading.headers import lower_headers
from gateway_hooks.realtime.session import RealtimeSession

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway_hooks.asgi_types import App, Message, Receive, Scope, Send
    from gateway_hooks.exchange import Exchange

SESSION: Final = "gatemeter.realtime"
"""In the scope of a session: its `RealtimeSession`, for whoever wants to know if it is busy."""

_FORBIDDEN: Final = 403
_ORDERLY: Final = frozenset({1000, 1001, 1012})


async def meter_session(
    app: App, handshake: Exchange, scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve one WebSocket whose handshake's exchange has begun."""
    session = RealtimeSession(handshake)
    scope[SESSION] = session
    sides = _Sides(session, receive, send)
    token = current_exchange.set(handshake)
    may_wait = True
    try:
        await app(scope, sides.receive, sides.send)
    except Exception as error:
        sides.error = sides.error or type(error).__name__
        raise
    except BaseException as error:
        # Cancelled, or thrown out by the server: nothing may be awaited here any more.
        may_wait = False
        sides.error = sides.error or type(error).__name__
        raise
    finally:
        current_exchange.reset(token)
        for exchange in sides.left_over():
            if may_wait:
                await settle(exchange)
            else:
                exchange.settle_in_background()
        if sides.is_accepted:
            session.tell_nothing_was_used()


class _Sides:
    """Stands between the application and the server, both ways."""

    def __init__(self, session: RealtimeSession, receive: Receive, send: Send) -> None:
        self._session = session
        self._handshake = session.handshake
        self._receive = receive
        self._send = send
        self.is_accepted = False
        self._is_over = False
        self.error: str | None = None

    def left_over(self) -> Iterable[Exchange]:
        """What has no event yet when the session is over."""
        if self.is_accepted:
            error = None if self._handshake.client_disconnected else self.error or "session_closed"
            return self._session.ended(error)
        if self.error is not None:
            self._handshake.failed(self.error)
        return [self._handshake]

    async def receive(self) -> Message:
        """The application's `receive`."""
        message = await self._receive()
        if message["type"] == "websocket.receive":
            self._session.from_client(_data(message))
        elif message["type"] == "websocket.disconnect" and not self._is_over:
            self._is_over = True
            self._handshake.client_left()
        return message

    async def send(self, message: Message) -> None:
        """The application's `send`; once the client is gone it only reads."""
        match message["type"]:
            case "websocket.send":
                for exchange in self._session.from_server(_data(message)):
                    await settle(exchange)
            case "websocket.accept":
                self.is_accepted = True
                for exchange in self._session.accepted(message.get("headers", ())):
                    await settle(exchange)
            case "websocket.close":
                await self._close(message)
            case "websocket.http.response.start":
                headers = lower_headers(message.get("headers", ()))
                self._handshake.start_answer(message["status"], headers)
            case "websocket.http.response.body":
                await self._refuse(message)
        if self._handshake.client_disconnected:
            return
        try:
            await self._send(message)
        except Exception:
            self._is_over = True
            self._handshake.client_left()
            raise

    async def _close(self, message: Message) -> None:
        is_first, self._is_over = not self._is_over, True
        if not self.is_accepted:
            self._handshake.start_answer(_FORBIDDEN, {})
            await settle(self._handshake)
        elif is_first and message.get("code", 1000) not in _ORDERLY:
            self.error = "UpstreamBroke"

    async def _refuse(self, message: Message) -> None:
        self._is_over = True
        self._handshake.feed_answer(bytes(message.get("body", b"")))
        if not message.get("more_body", False):
            await settle(self._handshake)


def _data(message: Message) -> str | bytes:
    data: str | bytes | None = message.get("text")
    return data if data is not None else message.get("bytes") or b""
