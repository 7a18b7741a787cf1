"""Why a session ends, and what each side is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from websockets.frames import EXTERNAL_CLOSE_CODES

if TYPE_CHECKING:
    from websockets.frames import Close

_GOING_AWAY: Final = 1001
_RESTART: Final = 1012
_TROUBLE: Final = 1011
_NORMAL: Final = 1000
_NO_CODE: Final = 1005
_PRIVATE: Final = range(3000, 5000)
_LONGEST_REASON_BYTES: Final = 123


class Side(Enum):
    """Who ended the session."""

    CLIENT = "client"
    BACKEND = "backend"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The end of a session."""

    by: Side
    code: int
    reason: str = ""


def by_client(code: int | None, reason: str | None) -> Goodbye:
    """The client has left, politely or not."""
    return Goodbye(Side.CLIENT, _sendable(code, _GOING_AWAY), _short(reason))


def by_backend(close: Close | None) -> Goodbye:
    """The backend has closed, or hung up."""
    if close is None:
        return Goodbye(Side.BACKEND, _TROUBLE, "the backend hung up")
    return Goodbye(Side.BACKEND, _sendable(close.code, _TROUBLE), _short(close.reason))


def idle() -> Goodbye:
    """Nobody has said anything for long."""
    return Goodbye(Side.GATEWAY, _GOING_AWAY, "the session was idle for too long")


def too_long() -> Goodbye:
    """The session has lasted as long as one may."""
    return Goodbye(Side.GATEWAY, _GOING_AWAY, "the session has reached its longest duration")


def restart() -> Goodbye:
    """The gateway is being stopped."""
    return Goodbye(Side.GATEWAY, _RESTART, "the gateway is restarting: please connect again")


def _sendable(code: int | None, otherwise: int) -> int:
    """Some codes say that there was none and are never sent."""
    if code in EXTERNAL_CLOSE_CODES or (code is not None and code in _PRIVATE):
        return int(code)
    return _NORMAL if code == _NO_CODE else otherwise


def _short(reason: str | None) -> str:
    encoded = (reason or "").encode("utf-8", "replace")[:_LONGEST_REASON_BYTES]
    return encoded.decode("utf-8", "ignore")
