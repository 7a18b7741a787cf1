"""Repricing a month of ten million events, beside the storing of some of them in the same run.

The month is one batch that was stored by the loader, repeated every few hours. Prints how long the
run took until reports of money are right (the charges) and until every event is, and what that is
of the time that storing as many events would take.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from consume import START, make_lines

from analytics import Store
from analytics.load import Loader
from analytics.ratecard import seed
from analytics.repricing import Repricing, reprice
from analytics.types import Advance, Batch
from ingest import SystemClock

DAYS = 28
TABLES = {"events": "started_at", "charges_hourly": "hour"}
RATES = "[[rates]]\nmodel = 'gpt-4o'\nper_million_tokens = {{ input = {price}, output = 4 }}\n"


def fill(store: Store, rows: int, repeats: int) -> float:
    """Store a batch as the consumer does, and repeat its rows over a month; the batch's seconds."""
    lines = b"".join(make_lines(rows))
    began = time.perf_counter()
    Loader(store, SystemClock()).load(Batch(lines, (Advance("bench", "0", None, rows),)))
    seconds = time.perf_counter() - began
    for number in range(1, repeats):
        earlier = number * timedelta(days=DAYS) / repeats
        with store.transaction() as connection:
            for table, column in TABLES.items():
                moved = f"{column} - $1::INTERVAL AS {column}"
                if table == "events":
                    moved += f", '{number:08x}' || event_id[9:] AS event_id"
                connection.execute(
                    f"INSERT INTO usage.{table} SELECT * REPLACE ({moved}) FROM usage.{table} "  # noqa: S608 - our own names
                    f"WHERE {column} >= $2::TIMESTAMPTZ",
                    [earlier, START],
                )
    return seconds


def change_prices(store: Store, clock: SystemClock, file: Path) -> tuple[Repricing, list[float]]:
    """Reprice the month by a new file; the times of its beginning and of the end of each step."""
    file.write_text(RATES.format(price=3))
    seed(store, clock, file=file)
    steps: list[float] = []
    done = reprice(
        store,
        clock,
        since=datetime(2026, 10, 1, tzinfo=UTC),
        until=clock.now(),
        progress=lambda *_: steps.append(time.perf_counter()),
    )
    return done, steps


def main() -> None:
    """Fill, change the prices, reprice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--batch", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place, clock = f"{folder}/store", SystemClock()
        with Store.open(place) as store:
            seed(store, clock)
            stored = fill(store, options.batch, options.events // options.batch)
        # Opened again as the command does: a loader leaves its engine one thread.
        with Store.open(place) as store:
            done, steps = change_prices(store, clock, Path(folder) / "rates.toml")
    charges, whole = steps[1] - steps[0], steps[-1] - steps[0]
    storing = stored * done.events / options.batch
    print(f"{done.events:,} events of {DAYS} days, {done.charges:,} rows of charges")
    print(f"charges        {charges:>8.1f} s  {charges / storing:>6.3f} of storing the events")
    print(f"every event    {whole:>8.1f} s  {whole / storing:>6.3f}")


if __name__ == "__main__":
    main()
