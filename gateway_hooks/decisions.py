"""What policies decide, told to the event of the request that is being served.

A policy that lets a request pass says nothing. Outside of any request nothing is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway_hooks.attempts import current_exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway_hooks.event import Decision, DecisionAction
    from gateway_hooks.reading.usage import Usage

MOST: Final = 16
"""More decisions of one request than this are not kept."""


def record_decision(policy: str, action: DecisionAction, reason: str | None = None) -> None:
    """Tell the event what a policy did to the request that is being served here.

    Args:
        policy: the hook that decided, such as `token_limits`.
        action: what it did.
        reason: a code such as `tokens_per_minute`; never anything that a caller wrote.
    """
    exchange = current_exchange.get()
    if exchange is None or len(exchange.notes.decisions) >= MOST:
        return
    decision: Decision = {"policy": policy, "action": action}
    if reason is not None:
        decision["reason"] = reason
    exchange.notes.decisions.append(decision)


def withhold_answer(status_code: int, headers: Mapping[str, str], body: bytes) -> None:
    """Tell the event of a backend's answer that the caller does not get: its usage is charged.

    Args:
        status_code: the backend's.
        headers: its answer's, names in lower case.
        body: the whole of it, encoded as the headers say.
    """
    exchange = current_exchange.get()
    if exchange is not None:
        exchange.withhold_answer(status_code, headers, body)


def when_recorded(tell: Callable[[Usage], None]) -> bool:
    """Have `tell` called with what the request used, before its caller has the answer's last byte.

    It is called once, in whatever thread records the event; what it raises is counted by the meter
    and goes no further. False, and it is never called, where no request is being metered.
    """
    exchange = current_exchange.get()
    if exchange is None or exchange.ended:
        return False
    exchange.observers.append(tell)
    return True
