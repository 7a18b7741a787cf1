"""The whole consumer against the least that DuckDB must do: read the same lines and insert them.

Prints events a second of both and their ratio, measured in turns in this process. The consumer
reads the queue, checks each line and CRC, removes duplicates, prices, fills the rollups and moves
the ledger, all of it in a DuckLake; the raw side is `read_json` with the same columns into a table
of a plain file.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from analytics import Store
from analytics.load import Loader
from analytics.load.shape import columns
from gateway_hooks.segments import SegmentName, Trailer
from ingest import BatchLimits, Consumer, FileQueueSource, Shutdown, SystemClock

SEGMENT_ROWS = 50_000
START = datetime(2026, 11, 21, 9, tzinfo=UTC)
"""When the first event was."""


def make_lines(rows: int) -> list[bytes]:
    """Events like those of a gateway: about 30 fields, one or two attempts, ordered ids."""
    lines = []
    for number in range(rows):
        at = START + timedelta(milliseconds=number)
        attempts = [_attempt(429, number), _attempt(200, number)][number % 10 != 0 :]
        event = {
            "event_id": _uuid7(at),
            "schema_version": 1,
            "started_at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "gateway": "bench",
            "request_id": str(uuid.UUID(int=number + (1 << 100))),
            "auth_type": "api_key",
            "key_id": f"k_{number % 200:016x}",
            "key_name": f"key-{number % 200}",
            "team": f"team-{number % 12}",
            "operation": "chat",
            "api_version": "2024-10-21",
            "stream": number % 3 == 0,
            "request_model": "gpt-4o",
            "response_model": "gpt-4o-2024-08-06",
            "deployment": f"chat-{number % 4}",
            "usage_source": "reported",
            "input_tokens": 500 + number % 900,
            "cached_input_tokens": number % 300,
            "output_tokens": 50 + number % 400,
            "reasoning_output_tokens": 0,
            "duration_ms": 100 + (number * 7919) % 9000 / 3,
            "time_to_first_chunk_ms": 50 + (number * 104729) % 900 / 7,
            "gateway_overhead_ms": 0.8,
            "status_code": 200,
            "finish_reasons": ["stop"],
            "attempts": attempts,
        }
        lines.append(json.dumps(event, separators=(",", ":")).encode() + b"\n")
    return lines


def _attempt(status: int, number: int) -> dict[str, object]:
    return {
        "backend": f"backend-{number % 5}.openai.azure.com",
        "region": "swedencentral",
        "deployment_type": "global",
        "status_code": status,
        "offset_ms": 0.4,
        "duration_ms": 90.5,
        "remaining_tokens": 90_000 - number % 60_000,
        "remaining_requests": 900,
    }


def _uuid7(at: datetime) -> str:
    value = int(at.timestamp() * 1000) << 80 | int.from_bytes(os.urandom(10))
    return str(uuid.UUID(int=value & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62))


def fill_queue(folder: Path, lines: list[bytes]) -> None:
    """Sealed segments of one writer."""
    folder.mkdir()
    for number, start in enumerate(range(0, len(lines), SEGMENT_ROWS), start=1):
        content = b"".join(lines[start : start + SEGMENT_ROWS])
        name = SegmentName("bench", number, is_open=False).filename
        (folder / name).write_bytes(content + Trailer.of(content).line())


def consume(folder: Path) -> tuple[float, int]:
    """Seconds that the consumer took for the queue, and the events stored."""
    clock = SystemClock()
    with Store.open(str(folder / "store")) as store:
        source = FileQueueSource(folder / "queue", clock)
        consumer = Consumer(source, Loader(store, clock), clock, Shutdown(), BatchLimits())
        began = time.perf_counter()
        totals = consumer.run(once=True)
        seconds = time.perf_counter() - began
        source.close()
    return seconds, totals.events_stored


def insert_raw(folder: Path, lines: list[bytes]) -> float:
    """Seconds that DuckDB takes to read the lines and insert them into a table of a file."""
    path = folder / "raw.ndjson"
    path.write_bytes(b"".join(lines))
    spec = ", ".join(f"{name}: '{kind}'" for name, kind in columns().items())
    read = f"read_json('{path}', format='newline_delimited', columns={{{spec}}})"
    with duckdb.connect(str(folder / "raw.duckdb")) as connection:
        connection.execute(f"CREATE TABLE events AS FROM {read} LIMIT 0")
        began = time.perf_counter()
        connection.execute(f"INSERT INTO events FROM {read}")
        connection.execute("CHECKPOINT")
        return time.perf_counter() - began


def main() -> None:
    """Measure in turns and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    lines = make_lines(options.rows)
    ratios, rates = [], []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            fill_queue(folder / "queue", lines)
            raw = insert_raw(folder, lines)
            seconds, stored = consume(folder)
            if stored != options.rows:
                sys.exit(f"stored {stored} of {options.rows} events")
            ratios.append(raw / seconds)
            rates.append(options.rows / seconds)
    size = sum(map(len, lines)) / len(lines)
    print(f"{options.rows:,} events of {size:,.0f} bytes, median of {options.rounds} rounds")
    print(f"consumer        {statistics.median(rates):>10,.0f} events/s")
    print(f"raw insert = 1  {statistics.median(ratios):>10.2f}")


if __name__ == "__main__":
    main()
