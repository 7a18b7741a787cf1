"""Ending an exchange from asyncio: tokens are counted in a thread, and the wait is bounded."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future

    from gateway_hooks.exchange import Exchange

ESTIMATE_SECONDS = 1.0
"""Longest that an answer's last bytes wait for a token count; then the event has a guess."""


async def settle(exchange: Exchange) -> None:
    """End the exchange and have its event appended before this returns.

    A task that is cancelled while it waits does not take the count with it: the thread finishes
    the event.
    """
    estimate = exchange.settle_in_background()
    if estimate is not None and not await _wait(estimate):
        exchange.settle_roughly()


async def _wait(estimate: Future[None]) -> bool:
    """Wait for a token count; false when it takes too long, or under a loop not asyncio's."""
    import asyncio

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return False
    waiting = loop.create_future()

    def wake() -> None:
        if not waiting.done():
            waiting.set_result(None)

    def done(_: Future[None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(wake)

    estimate.add_done_callback(done)
    finished, _ = await asyncio.wait({waiting}, timeout=ESTIMATE_SECONDS)
    return bool(finished)
