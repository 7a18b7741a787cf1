"""Many events in one message against one event a message, to a hub and from it, in one run.

    python bench/event_hubs.py [--events N] [--json]

The hub is the emulator in a process of its own; client and emulator share this machine. Sending is
the forwarder's work: segments of a file queue to acknowledged messages. Receiving is the
consumer's: messages to rows in a store, prices and rollups included. "One by one" is the usual way,
an event a message, sent in batches as large as the link takes, received by the same source.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from consume import make_lines

from analytics import Store
from analytics.load import Loader
from gatemeter.hubs import hub_source
from gatemeter.settings import Settings
from gateway_hooks.event_hubs import Forwarder, HubAddress, HubSender
from gateway_hooks.queue.file_queue import FileQueue
from ingest import BatchLimits, Consumer, Shutdown, SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

GATEMETER = Path(sys.executable).with_name("gatemeter")
ONE_BY_ONE_SHARE = 10
"""One event a message is so much slower that a tenth of the events has to do."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One way in one direction."""

    way: str
    events: int
    events_per_second: float
    cpu_us_per_event: float
    """Of this process; the emulator's is not in it."""


def timed(way: str, events: int, work: Callable[[], None]) -> Figure:
    """Do it once and see how long it took."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return Figure(way, events, round(events / seconds), round(cpu / events * 1e6, 2))


def send_packed(lines: list[bytes], address: HubAddress, folder: Path) -> Figure:
    """What a gateway's queue holds, through the forwarder."""
    queue = FileQueue(folder, max_bytes=1 << 34)
    for line in lines:
        queue.append(line)
    queue.close()

    async def forward() -> None:
        forwarder = Forwarder(folder, HubSender(address.producer))
        await forwarder.run(once=True)
        await forwarder.close()

    return timed("sent packed", len(lines), lambda: asyncio.run(forward()))


def send_one_by_one(lines: list[bytes], address: HubAddress) -> Figure:
    """An event a message, in batches that the SDK fills."""
    from azure.eventhub import EventData

    async def send() -> None:
        producer = address.producer()
        batch = await producer.create_batch()
        for line in lines:
            try:
                batch.add(EventData(line))
            except ValueError:
                await producer.send_batch(batch)
                batch = await producer.create_batch()
                batch.add(EventData(line))
        await producer.send_batch(batch)
        await producer.close()

    return timed("sent one by one", len(lines), lambda: asyncio.run(send()))


def receive(way: str, events: int, address: HubAddress, home: Path) -> Figure:
    """Everything that is in the hub, into a new store."""
    settings = Settings.load(home=home, event_hub=address.connection_string)
    clock = SystemClock()
    with Store.open(settings.store_url) as store:
        loader = Loader(store, clock)
        source = hub_source(settings, loader.positions, clock)
        consumer = Consumer(source, loader, clock, Shutdown(), BatchLimits())
        figure = timed(way, events, lambda: _drain(consumer))
        source.close()
        assert consumer.totals.events_stored == events, consumer.totals
    return figure


def _drain(consumer: Consumer) -> None:
    consumer.run(once=True)


def run(events: int) -> list[Figure]:
    """All four, each over a hub of its own."""
    lines = make_lines(events)
    few = lines[: events // ONE_BY_ONE_SHARE]
    with tempfile.TemporaryDirectory(prefix="gatemeter-bench-") as name:
        home = Path(name)
        command = [str(GATEMETER), "emulator", "--port", "0", "--json"]
        command += ["--hub", "packed", "--hub", "single"]
        emulator = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert emulator.stdout is not None
            ready = json.loads(emulator.stdout.readline())
            packed, single = (
                HubAddress.parse(_connection_string(ready, hub)) for hub in ("packed", "single")
            )
            return [
                send_packed(lines, packed, home / "queue"),
                send_one_by_one(few, single),
                receive("received packed", len(lines), packed, home / "packed"),
                receive("received one by one", len(few), single, home / "single"),
            ]
        finally:
            emulator.terminate()
            emulator.wait(20)


def _connection_string(ready: dict[str, object], hub: str) -> str:
    string = str(ready["connection_string"])
    parts = [part for part in string.split(";") if part and not part.startswith("EntityPath=")]
    return ";".join([*parts, f"EntityPath={hub}"])


def main() -> None:
    """Print the figures and their ratios."""
    parser = argparse.ArgumentParser(description="Event Hubs: packed against one by one.")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = run(options.events)
    if options.json:
        sys.stdout.write(json.dumps([asdict(figure) for figure in figures]) + "\n")
        return
    for figure in figures:
        sys.stdout.write(
            f"{figure.way:22}{figure.events_per_second:>10,.0f} events/s"
            f"{figure.cpu_us_per_event:>10.2f} us CPU an event\n"
        )
    for direction, packed, single in (("sending", 0, 1), ("receiving", 2, 3)):
        faster = figures[packed].events_per_second / figures[single].events_per_second
        lighter = figures[single].cpu_us_per_event / figures[packed].cpu_us_per_event
        sys.stdout.write(f"{direction}: packed is {faster:.1f} x faster, {lighter:.1f} x lighter\n")


if __name__ == "__main__":
    main()
