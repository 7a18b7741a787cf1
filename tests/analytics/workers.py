"""What the processes of the tests of concurrency and crashes do, and how they are started.

A worker prints its result as JSON. Files in a folder stand for signals: one begins when `go` is
there, and a reader ends when `stop` is.
"""

from __future__ import annotations

import functools
import itertools
import json
import random
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from analytics.errors import LedgerConflict, StoreBusy
from analytics.load import Loader
from analytics.store import Store
from analytics.types import Advance, Batch, FeedPart
from tests.analytics.samples import FakeClock, event, ndjson

if TYPE_CHECKING:
    from collections.abc import Callable

_JOINERS: Final = 2

# Some installed package is called `tests` too, so ours is put in its place.
_BOOT = """
import sys, types
sys.path.insert(0, {root!r})
sys.modules["tests"] = types.ModuleType("tests")
sys.modules["tests"].__path__ = [{root!r} + "/tests"]
from tests.analytics import workers
workers.main()
"""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The time now."""
        return datetime.now(UTC)


def start(what: str, url: Path | str, *arguments: object) -> subprocess.Popen[str]:
    """Start a worker: `consume`, `join` or `read`, and its arguments."""
    code = _BOOT.format(root=str(Path(__file__).parents[2]))
    command = [sys.executable, "-c", code, what, str(url), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def result(process: subprocess.Popen[str]) -> list[int]:
    """What a worker printed, once it has ended well."""
    printed, _ = process.communicate(timeout=600)
    if process.returncode != 0:
        raise AssertionError(f"a worker ended with {process.returncode}")
    answer: list[int] = json.loads(printed)
    return answer


def main() -> None:
    """Be a worker."""
    what, url, *arguments = sys.argv[1:]
    if what == "consume":
        total, seed, signals = int(arguments[0]), int(arguments[1]), Path(arguments[2])
        done = consume(url, total, seed, signals)
    elif what == "join":
        done = join(url, arguments[0], Path(arguments[1]), Path(arguments[2]))
    else:
        done = read(url, Path(arguments[0]))
    sys.stdout.write(json.dumps(done))


def consume(url: str, total: int, seed: int, signals: Path) -> list[int]:
    """Store events 0 to `total` of one partition, from where the ledger is; [stored, conflicts].

    The partition is a log whose position is the number of events before it.
    """
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    stored = conflicts = 0
    with Store.open(url) as store:
        loader = Loader(store, SystemClock())
        while not (signals / "go").exists():
            time.sleep(0.01)
        while True:
            before = loader.positions("log").get("only")
            at = before or 0
            if at >= total:
                return [stored, conflicts]
            after = min(total, at + chance.randint(1, 30))
            lines = ndjson(event(number) for number in range(at, after))
            try:
                batch = Batch(lines, (Advance("log", "only", before, after),))
                stored += loader.load(batch).stored
            except LedgerConflict:
                conflicts += 1
            except StoreBusy:
                time.sleep(0.01)


def join(url: str, name: str, rounds: Path, signals: Path) -> list[int]:
    """Store the rounds of one partition, each at the moment the other worker does; [busy].

    A round is a list of halves, and what waits is released after some.
    """
    busy = 0
    with Store.open(url) as store:
        loader = Loader(store, FakeClock(), tidy_every=7)
        given = json.loads(rounds.read_text())
        for number, (halves, lines) in enumerate(given):
            parts = tuple(FeedPart(**{**half, **_times(half)}) for half in halves)
            (signals / f"{name}-{number}").touch()
            while len(list(signals.glob(f"*-{number}"))) < _JOINERS:
                time.sleep(0.001)
            before = loader.positions("hub").get(name)
            batch = Batch(lines.encode(), (Advance("hub", name, before, number + 1),), (), parts)
            busy += _until_stored(functools.partial(loader.load, batch))
            if number % 3 == 1:
                busy += _until_stored(loader.release_recorded)
    return [busy]


def _until_stored(call: Callable[[], object]) -> int:
    """Try until the store is not busy; how often it was."""
    for tries in itertools.count():
        try:
            call()
        except StoreBusy:
            time.sleep(0.02)
        else:
            return tries
    raise AssertionError


def _times(half: dict[str, str]) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(half[name]) for name in ("recorded_at", "received_at")}


def read(url: str, signals: Path) -> list[int]:
    """Look again and again; every look must be of one commit. The numbers of events seen."""
    seen = []
    with Store.open(url, read_only=True) as store:
        while not (signals / "stop").exists():
            row = store.frame(
                """
                SELECT (SELECT count(*) FROM events), (SELECT sum(requests) FROM traffic_hourly),
                    (SELECT sum(events) FROM loads_hourly),
                    (SELECT position FROM ledger WHERE partition = 'only')
                """
            ).row(0)
            events, requests, counted, position = (int(value or 0) for value in row)
            if not events == requests == counted == position:
                raise AssertionError(f"a look between two commits: {row}")
            seen.append(events)
    return seen
