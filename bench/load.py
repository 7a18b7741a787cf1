"""`Loader.load` against a raw insert of the same columns, measured in turns in one process.

Prints rows a second of both and their ratio. A load reads NDJSON, checks every line, removes
duplicates, prices, fills three rollups, moves the ledger and syncs its files, all in one DuckLake
transaction. The raw insert takes the events' columns ready-made from Arrow, into a table of a plain
DuckDB file, and commits. Ratios hold on a busy machine, rows a second do not.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from analytics import Advance, Batch, Store
from analytics.load import Loader
from analytics.ratecard import seed

MODELS = (
    "gpt-4o-2024-11-20",
    "gpt-4.1-mini-2025-04-14",
    "gpt-4.1-2025-04-14",
    "gpt-4o-mini-2024-07-18",
    "o3-mini-2025-01-31",
)
REGIONS = ("swedencentral", "francecentral", "eastus2")
KEYS = 300


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The time now."""
        return datetime.now(UTC)


def make_batch(rows: int, number: int) -> bytes:
    """Events like those of a gateway: some keys busy, most not, one call in twenty throttled."""
    chance = random.Random(number)  # noqa: S311 - not for secrets
    start = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(milliseconds=2 * rows * number)
    weights = [1 / (key + 1) for key in range(KEYS)]
    lines = []
    for row, key in enumerate(chance.choices(range(KEYS), weights, k=rows)):
        at = start + timedelta(milliseconds=2 * row)
        model, region = MODELS[key % len(MODELS)], chance.choices(REGIONS, (8, 1, 1))[0]
        attempt = {
            "backend": f"aoai-{region}", "region": region, "deployment": model[:7],
            "deployment_type": "global", "status_code": 200, "offset_ms": 0.1,
            "duration_ms": 900.5, "limit_tokens": 100_000, "remaining_requests": 99,
            "remaining_tokens": chance.randrange(100_000),
        }  # fmt: skip
        refused = attempt | {"status_code": 429, "throttle": "token_rate", "retry_after_ms": 2000}
        event = {
            "event_id": _uuid7(at, chance), "schema_version": 1,
            "started_at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "gateway": "gw-1",
            "request_id": f"{chance.getrandbits(64):x}", "auth_type": "api_key",
            "key_id": f"k_{key:016x}", "key_name": f"app-{key}", "team": f"team-{key % 12}",
            "operation": "chat", "api_version": "2024-10-21", "stream": key % 3 == 0,
            "request_model": model[:7], "response_model": model, "deployment": model[:7],
            "usage_source": "reported", "input_tokens": chance.randrange(50, 5000),
            "cached_input_tokens": chance.randrange(50), "output_tokens": chance.randrange(2000),
            "duration_ms": round(chance.lognormvariate(7, 1), 3),
            "time_to_first_chunk_ms": round(chance.lognormvariate(5, 1), 3),
            "gateway_overhead_ms": 0.4, "status_code": 200, "finish_reasons": ["stop"],
            "attempts": [refused, attempt] if chance.random() < 0.05 else [attempt],
        }  # fmt: skip
        lines.append(json.dumps(event, separators=(",", ":")))
    return ("\n".join(lines) + "\n").encode()


def _uuid7(at: datetime, chance: random.Random) -> str:
    digits = f"{int(at.timestamp() * 1000):012x}7{chance.getrandbits(12):03x}"
    digits += f"{8 + chance.getrandbits(2):x}{chance.getrandbits(60):015x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--batches", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), arguments.rows, arguments.batches)
    if arguments.json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return 0
    print(f"load        {figures['load_rows_per_second']:>10,.0f} rows/s")
    print(f"raw insert  {figures['raw_rows_per_second']:>10,.0f} rows/s")
    print(f"ratio       {figures['ratio']:>10.2f}")
    return 0


def measure(folder: Path, rows: int, batches: int) -> dict[str, float]:
    """Load and insert batch after batch, in turns."""
    seconds: dict[str, list[float]] = {"load": [], "raw": []}
    position: int | None = None
    with Store.open(str(folder / "store")) as store, duckdb.connect(folder / "raw.db") as raw:
        seed(store, SystemClock())
        loader = Loader(store, SystemClock())
        stored: Counter[str] = Counter()
        for number in range(batches + 1):
            lines = make_batch(rows, number)
            after = (position or 0) + len(lines)
            began = time.perf_counter()
            result = loader.load(Batch(lines, (Advance("bench", "one", position, after),)))
            seconds["load"].append(time.perf_counter() - began)
            stored["rows"] += result.stored
            position = after
            seconds["raw"].append(_insert_raw(raw, loader))
        assert stored["rows"] == rows * (batches + 1)
    # The first of each makes tables and reads the rates.
    load, insert = (statistics.median(taken[1:]) for taken in (seconds["load"], seconds["raw"]))
    return {
        "load_rows_per_second": rows / load,
        "raw_rows_per_second": rows / insert,
        "ratio": insert / load,
    }


def _insert_raw(raw: duckdb.DuckDBPyConnection, loader: Loader) -> float:
    """Insert the batch that the loader has staged, from Arrow."""
    staged = loader._connection
    columns = staged.execute("SELECT * EXCLUDE (use_key) FROM staged").to_arrow_table()
    raw.register("columns", columns)
    raw.execute("CREATE TABLE IF NOT EXISTS events AS SELECT * FROM columns LIMIT 0")
    began = time.perf_counter()
    raw.execute("INSERT INTO events SELECT * FROM columns")
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
