"""Trying again while somebody else writes to the store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from analytics import StoreBusy
from ingest.retries import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_TRIES = 12


def until_not_busy(call: Callable[[], T], *, pause: Callable[[float], None] = time.sleep) -> T:
    """What `call` returns, once no other writer is in its way.

    Raises:
        StoreBusy: the store stayed busy for half a minute.
    """
    backoff = Backoff()
    for tries in range(1, _TRIES):
        try:
            return call()
        except StoreBusy:
            pause(backoff.delay(tries))
    return call()
