"""What the processes of the tests of concurrency and crashes do, and how they are started.

A worker prints its result as JSON. Files in a folder stand for signals: one begins when `go` is
there, and a reader ends when `stop` is.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from analytics.errors import LedgerConflict, StoreBusy
from analytics.load import Loader
from analytics.store import Store
from analytics.types import Advance, Batch
from tests.analytics.samples import event, ndjson

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


def start(what: str, url: Path, *arguments: object) -> subprocess.Popen[str]:
    """Start a worker: `consume` or `read` and its arguments."""
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
