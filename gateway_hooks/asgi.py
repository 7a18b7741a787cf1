"""Metering for any ASGI gateway, FastAPI and Starlette among them.

    app.add_middleware(UsageMiddleware)

Every HTTP request is recorded, but those of `skip_paths`, and every response of a realtime session
over WebSocket (`gateway_hooks.realtime`); other websockets and the lifespan pass untouched. Add it
last, so that it stands outside of other middlewares: then it sees compressed answers, refusals by
authentication and limits, and the whole duration.

Streams pass chunk by chunk as they arrive. Only a chat or completion stream whose caller did not
ask for usage is changed: usage is asked for on its behalf and the chunk that reports it is taken
out again (`GATEMETER_INCLUDE_USAGE=false` turns that off; such streams are estimated then).

Which backends were called is told by the transports for the openai SDK or by
`gateway_hooks.record_attempt`. When nobody tells, one attempt with the backend `unknown` is
derived from Azure's headers in the answer, if it has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_hooks.asgi_answer import AnswerSide
from gateway_hooks.asgi_request import RequestSide
from gateway_hooks.async_settle import settle
from gateway_hooks.attempts import current_exchange
from gateway_hooks.errors import SettingsError
from gateway_hooks.known_caller import caller_of
from gateway_hooks.meter import default_meter
from gateway_hooks.reading.headers import lower_headers
from gateway_hooks.reading.operations import recognise
from gateway_hooks.subprotocols import offered_key

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import App, Receive, Scope, Send
    from gateway_hooks.exchange import Exchange
    from gateway_hooks.meter import Meter

_RECORDED_KINDS = frozenset({"http", "websocket"})
_HANDSHAKE = "GET"
"""The method of a WebSocket, which has none in its scope."""
_RECORDED = "gatemeter.recorded"
"""In the scope of a request that has its exchange: mounted applications may be wrapped too."""


class UsageMiddleware:
    """Records the requests that pass through `app`; a plain ASGI callable."""

    def __init__(self, app: App, meter: Meter | None = None) -> None:
        """Wrap an application.

        Args:
            app: the gateway.
            meter: the process's own, by the environment's settings, when not given.

        Raises:
            SettingsError: a setting cannot be used. Inside a running server, where Starlette
                builds its middlewares, the startup is refused with the same words instead.
        """
        self.app = app
        self._meter: Meter | SettingsError = meter or _meter_or_refusal()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if isinstance(self._meter, SettingsError):
            await _refuse(self._meter, scope, receive, send)
            return
        exchange = _begin(self._meter, scope)
        if exchange is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            from gateway_hooks.realtime.metering import meter_session

            await meter_session(self.app, exchange, scope, receive, send)
        else:
            await _serve(self.app, exchange, scope, receive, send)


def _meter_or_refusal() -> Meter | SettingsError:
    try:
        return default_meter()
    except SettingsError as error:
        if not _in_event_loop():
            raise
        # A server takes an exception here for "this application has no lifespan" and starts
        # anyway, so the lifespan itself has to say that the start failed.
        return error


def _in_event_loop() -> bool:
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _refuse(refusal: SettingsError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "lifespan":
        raise refusal
    await receive()
    await send({"type": "lifespan.startup.failed", "message": f"gatemeter: {refusal}"})


def _begin(meter: Meter, scope: Scope) -> Exchange | None:
    """The exchange of a request; None when it is not recorded, or by a middleware outside."""
    if _RECORDED in scope or scope["type"] not in _RECORDED_KINDS or meter.skips(scope["path"]):
        return None
    with meter.safety("begin"):
        method = scope.get("method", _HANDSHAKE)
        query = scope.get("query_string", b"").decode("latin-1")
        headers = lower_headers(scope["headers"])
        if scope["type"] == "websocket":
            if recognise(method, scope["path"], query).operation != "realtime":
                return None
            _know_offered_key(scope, headers)
        scope[_RECORDED] = True
        exchange = meter.begin(method, scope["path"], query, headers)
        known = caller_of(scope)
        if exchange is not None and known is not None:
            exchange.called_by(known)
        return exchange
    return None


def _know_offered_key(scope: Scope, headers: dict[str, str]) -> None:
    """A key among the subprotocols tells callers apart as one in a header does."""
    key = offered_key(scope.get("subprotocols", ()))
    headers.pop("sec-websocket-protocol", None)
    if key is not None and "authorization" not in headers:
        headers["authorization"] = f"Bearer {key}"


async def _serve(app: App, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
    request = RequestSide(exchange, receive)
    answer = AnswerSide(exchange, send, hides_usage_chunk=request.has_asked)
    token = current_exchange.set(exchange)
    may_wait = True
    try:
        await app(await request.ask_for_usage(scope), request.receive, answer.send)
    except Exception as error:
        exchange.failed(error)
        raise
    except BaseException as error:
        # Cancelled, or thrown out by the server: nothing may be awaited here any more.
        may_wait = False
        exchange.failed(error)
        raise
    finally:
        current_exchange.reset(token)
        if may_wait:
            await settle(exchange)
        else:
            exchange.settle_in_background()
