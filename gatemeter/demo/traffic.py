"""Plays acts at a steady rate until told to stop, and keeps the clients' books."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Final

from gatemeter.demo import acts, media_acts
from gatemeter.demo.cast import CALLERS
from gatemeter.demo.customer import Customer

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatemeter.demo.seen import ClientBooks
    from gatemeter.simulator.ledger import Entry

_MOST_AT_ONCE: Final = 48


class Traffic:
    """All callers together."""

    def __init__(
        self,
        gateway: str,
        ledgers: Callable[[str], list[Entry]],
        books: ClientBooks,
        *,
        rate: float,
        seed: int,
    ) -> None:
        self._gateway = gateway
        self._ledgers = ledgers
        self._books = books
        self._rate = rate
        self._rng = Random(seed)  # noqa: S311 - reproducible traffic, no secrets
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Begin nothing new."""
        self._stop.set()

    async def run(self, seconds: float | None) -> None:
        """Play until the time is over or `stop` is called; every act that was begun is finished."""
        customers = [self._connect(number) for number in range(len(CALLERS))]
        running: set[asyncio.Future[None]] = set()
        loop = asyncio.get_running_loop()
        deadline = None if seconds is None else loop.time() + seconds
        next_at = loop.time()
        try:
            # First everything once, so that even a short run shows every operation.
            opening = [act for _, act in (*acts.PLAYBILL, *media_acts.PLAYBILL)]
            self._rng.shuffle(opening)
            while not self._stop.is_set() and (deadline is None or loop.time() < deadline):
                act = opening.pop() if opening else self._pick_act()
                customer = self._rng.choices(customers, [one.share for one in CALLERS])[0]
                running.add(asyncio.ensure_future(act(customer)))
                next_at = max(next_at + 1 / self._rate, loop.time() - 1.0)
                await self._pause(next_at - loop.time())
                running = await _without_finished(running, most=_MOST_AT_ONCE)
            await _without_finished(running, most=0)
        finally:
            for task in running:
                task.cancel()
            for customer in customers:
                await customer.close()

    def _connect(self, number: int) -> Customer:
        rng = Random(self._rng.getrandbits(64))  # noqa: S311 - reproducible traffic, no secrets
        return Customer.connect(CALLERS[number], self._gateway, self._ledgers, self._books, rng)

    def _pick_act(self) -> acts.Act:
        bill = (*acts.PLAYBILL, *media_acts.PLAYBILL)
        return self._rng.choices([act for _, act in bill], [often for often, _ in bill])[0]

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return


async def _without_finished(
    running: set[asyncio.Future[None]], *, most: int
) -> set[asyncio.Future[None]]:
    """Those still running, when there are no more than so many; an act's own failure is raised."""
    done = {task for task in running if task.done()}
    pending = running - done
    while len(pending) > most:
        finished, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        done |= finished
    for task in done:
        task.result()
    return pending
