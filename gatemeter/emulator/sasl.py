"""SASL, which Event Hubs clients use anonymously: the token comes later, over `$cbs`."""

from __future__ import annotations

from gatemeter.emulator.decode import decode
from gatemeter.emulator.encode import array_of
from gatemeter.emulator.errors import WireError
from gatemeter.emulator.frames import SASL_TYPE, frame_of
from gatemeter.emulator.performatives import (
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    performative_of,
)
from gatemeter.emulator.wire_types import Symbol, UByte

_MECHANISMS = ("ANONYMOUS", "MSSBCBS")
_OK = 0
_AUTH_FAILED = 1


def mechanisms() -> bytes:
    """The frame that says what is offered."""
    offered = array_of([Symbol(name) for name in _MECHANISMS])
    return frame_of(SaslMechanisms(offered).encode(), kind=SASL_TYPE)


def outcome_of(body: bytes) -> bytes:
    """The answer to a client's choice.

    Raises:
        WireError: the frame holds something else.
    """
    init = performative_of(decode(body)[0])
    if not isinstance(init, SaslInit):
        raise WireError("a SASL frame that chooses no mechanism")
    code = _OK if init.mechanism in _MECHANISMS else _AUTH_FAILED
    return frame_of(SaslOutcome(UByte(code)).encode(), kind=SASL_TYPE)
