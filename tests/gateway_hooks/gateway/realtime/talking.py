"""What both sides of a realtime session say, for tests that talk to it."""

from __future__ import annotations

import json
from typing import Any

from websockets.exceptions import ConnectionClosed

CREATE = '{"type":"response.create"}'


async def until(session: Any, kind: str) -> list[Any]:
    """The SDK's events up to and including the first of a kind."""
    events = []
    async for event in session:
        events.append(event)
        if event.type == kind:
            return events
    raise AssertionError(f"no {kind}")


async def frames_until(session: Any, kind: str) -> dict[str, Any]:
    """The first frame of a kind, read without an SDK."""
    while True:
        frame: dict[str, Any] = json.loads(await session.recv())
        if frame["type"] == kind:
            return frame


async def close_code(session: Any) -> int | None:
    """Read on until the other side closes."""
    try:
        while True:
            await session.recv()
    except ConnectionClosed as closed:
        return None if closed.rcvd is None else closed.rcvd.code
