"""The frames of a realtime session, decoded as far as metering looks at them.

Most are sound: msgspec skips what is not named here without building it, so that reading a frame
takes some microseconds. What is no JSON, or none of these shapes, is no frame of interest.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway_hooks.reading import wire


class ServerFrame(msgspec.Struct):
    """What a server says."""

    type: Any = None
    item_id: Any = None
    response_id: Any = None
    delta: Any = None
    response: Any = None
    session: Any = None
    usage: Any = None
    error: Any = None
    rate_limits: Any = None


class ClientFrame(msgspec.Struct):
    """What a client says."""

    type: Any = None
    event_id: Any = None


_server: Final = msgspec.json.Decoder(ServerFrame)
_client: Final = msgspec.json.Decoder(ClientFrame)
_NO_SERVER_FRAME: Final = ServerFrame()
_NO_CLIENT_FRAME: Final = ClientFrame()


def server_frame(data: str | bytes) -> ServerFrame:
    """A frame on its way to the client; without a type when it is none."""
    return _decoded(data, _server) or _NO_SERVER_FRAME


def client_frame(data: str | bytes) -> ClientFrame:
    """A frame on its way to the backend; without a type when it is none."""
    return _decoded(data, _client) or _NO_CLIENT_FRAME


def _decoded(data: str | bytes, decoder: msgspec.json.Decoder[wire.T]) -> wire.T | None:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raw = data.encode("utf-8", "replace") if isinstance(data, str) else data
        return wire.decode(raw, decoder)


def rate_limit_headers(limits: object) -> dict[str, str]:
    """`rate_limits.updated` as the headers that HTTP answers say the same with."""
    headers = {}
    for limit in wire.as_list(limits):
        fields = wire.as_dict(limit)
        if fields.get("name") in {"tokens", "requests"}:
            for key in ("limit", "remaining"):
                value = wire.count(fields.get(key))
                if value is not None:
                    headers[f"x-ratelimit-{key}-{fields['name']}"] = str(value)
    return headers
