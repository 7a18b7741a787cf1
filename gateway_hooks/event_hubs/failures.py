"""What a failed send was, in a word for the counters and for what to do next."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Trouble(Enum):
    """Why the hub did not take a message; all but `OVERSIZE` go away by waiting."""

    UNREACHABLE = "unreachable"
    """No connection, or it broke."""
    THROTTLED = "throttled"
    """The hub is busy or over its quota."""
    TIMED_OUT = "timed_out"
    """It took the message and said nothing, or it does not react at all."""
    UNAUTHORIZED = "unauthorized"
    """The key or the credential is wrong or has expired."""
    OVERSIZE = "oversize"
    """The message is longer than the hub allows."""
    REFUSED = "refused"
    """Anything else the hub says."""


class SendFailed(Exception):
    """A message is not known to be in the hub. It may be there all the same."""

    def __init__(self, trouble: Trouble, detail: str) -> None:
        super().__init__(detail)
        self.trouble = trouble


_BUSY: Final = ("server-busy", "50009", "quota-exceeded")
_AUTH: Final = ("unauthorized", "401", "put-token", "credential")
_TOO_LONG: Final = ("message-size-exceeded", "too large", "size limit")


def classify(error: BaseException) -> Trouble:
    """The kind of an error of the SDK; its classes do not tell, so its words are read, too."""
    names = {kind.__name__ for kind in type(error).__mro__}
    text = f"{error} {error.__cause__ or ''}".lower()
    if "AuthenticationError" in names or "ClientAuthenticationError" in names:
        return Trouble.UNAUTHORIZED
    if "TimeoutError" in names or "OperationTimeoutError" in names:
        return Trouble.TIMED_OUT
    for words, trouble in (
        (_BUSY, Trouble.THROTTLED),
        (_TOO_LONG, Trouble.OVERSIZE),
        (_AUTH, Trouble.UNAUTHORIZED),
    ):
        if any(word in text for word in words):
            return trouble
    if names & {"ConnectError", "ConnectionLostError", "OSError", "AMQPConnectionError"}:
        return Trouble.UNREACHABLE
    return Trouble.REFUSED
