"""Gateways, forwarders and consumers as processes, a PostgreSQL catalog, and everything fails.

`SOAK_EVENTS` sets how many events; the default is quick, a hundred thousand is a real trial.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from analytics import Store
from tests.queue_samples import sample_event_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gatemeter.emulator import Emulator

EVENTS = int(os.environ.get("SOAK_EVENTS", "3000"))
AWAY_SECONDS = 20 if EVENTS >= 100_000 else 4
GATEWAYS = ("one", "two")

# A gateway: appends events and says after each how many the queue has taken.
GATEWAY = """
import json
import sys
from pathlib import Path
from gateway_hooks.event_id import new_event_id
from gateway_hooks.queue.file_queue import FileQueue
event = json.loads(sys.argv[5])
queue = FileQueue(Path(sys.argv[1]), segment_max_bytes=200_000, segment_max_seconds=1.0)
first, last = int(sys.argv[2]), int(sys.argv[3])
for number in range(first, last):
    event |= {"event_id": new_event_id(), "gateway": sys.argv[4], "input_tokens": number}
    queue.append(json.dumps(event).encode() + b"\\n")
    print(number, flush=True)
queue.close()
print("done", flush=True)
"""


@dataclass
class Fleet:
    """The processes of one trial."""

    home: Path
    environment: dict[str, str]
    processes: list[subprocess.Popen[bytes]]

    def gateway(self, name: str, first: int, last: int) -> subprocess.Popen[bytes]:
        """Start a gateway that writes events from `first` to before `last`."""
        sample = sample_event_line(0).decode()
        arguments = [str(self.queue(name)), str(first), str(last), name, sample]
        return self._start([sys.executable, "-c", GATEWAY, *arguments])

    def forwarder(self, name: str) -> subprocess.Popen[bytes]:
        """Start the forwarder of a gateway's queue."""
        return self._command("forward", "--queue", str(self.queue(name)), "--json")

    def consumer(self) -> subprocess.Popen[bytes]:
        """Start a consumer."""
        return self._command("consume", "--source", "hub", "--json")

    def queue(self, name: str) -> Path:
        """A gateway's queue."""
        return self.home / f"queue-{name}"

    def _command(self, *arguments: str) -> subprocess.Popen[bytes]:
        return self._start([str(Path(sys.executable).with_name("gatemeter")), *arguments])

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        log = (self.home / f"log-{len(self.processes)}").open("wb")
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, env=self.environment
        )
        log.close()
        self.processes.append(process)
        return process


@pytest.fixture
def fleet(
    tmp_path: Path, hub: Emulator, postgres: Callable[[str], str], azurite: str
) -> Iterator[Fleet]:
    """Settings that all processes share; whatever is left of them ends with the test."""
    store = f"{postgres('fleet')}#data={tmp_path / 'data'}/"
    environment = {
        **os.environ,
        "GATEMETER_HOME": str(tmp_path),
        "GATEMETER_STORE": store,
        "GATEMETER_EVENT_HUB": hub.connection_string,
        "GATEMETER_EVENT_HUB_CHECKPOINTS": azurite,
        "GATEMETER_EVENT_HUB_BALANCE_SECONDS": "1",
    }
    made = Fleet(tmp_path, environment, [])
    yield made
    for process in made.processes:
        process.kill()
        process.communicate()


def stored(store: str) -> int:
    """How many events are in the store."""
    with Store.open(store, read_only=True) as opened:
        return int(opened.frame("SELECT count(*) FROM events").item())


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """The number of the last event that a gateway's queue has taken, and its last word."""
    output, _ = process.communicate(timeout=600)
    lines = output.decode().splitlines()
    numbers = [int(line) for line in lines if line.isdigit()]
    return (numbers[-1] if numbers else -1), (lines[-1] if lines else "")


@pytest.mark.timeout(1500)
def test_nothing_is_lost_or_stored_twice_whatever_fails(fleet: Fleet, hub: Emulator) -> None:
    """Lost connections and acknowledgements, a hub that is away, killed gateways and consumers."""
    each = EVENTS // 2
    store = fleet.environment["GATEMETER_STORE"]
    with Store.open(store):
        pass  # made before anybody is in a hurry
    forwarders = {name: fleet.forwarder(name) for name in GATEWAYS}
    consumers = [fleet.consumer(), fleet.consumer()]
    gateways = {name: fleet.gateway(name, 0, each) for name in GATEWAYS}

    time.sleep(0.5)
    gateways["one"].send_signal(signal.SIGKILL)
    taken, _ = finish(gateways["one"])
    gateways["one"] = fleet.gateway("one", taken + 1, each)
    hub.faults.swallow_acks(2)
    hub.faults.drop_after_store(2)
    time.sleep(3)
    hub.faults.disconnect_all()
    consumers[0].send_signal(signal.SIGKILL)
    forwarders["two"].send_signal(signal.SIGKILL)
    consumers[0] = fleet.consumer()
    forwarders["two"] = fleet.forwarder("two")
    time.sleep(2)
    hub.faults.go_away(AWAY_SECONDS)

    for process in gateways.values():
        assert finish(process)[1] == "done"
    deadline = time.monotonic() + 180 + EVENTS / 500
    while (count := stored(store)) < 2 * each:
        assert time.monotonic() < deadline, f"{count} of {2 * each} events"
        time.sleep(1)

    with Store.open(store, read_only=True) as opened:
        events = opened.frame(
            "SELECT gateway, input_tokens, count(*) AS copies FROM events GROUP BY ALL"
        )
        requests = opened.frame("SELECT sum(requests) FROM traffic_hourly").item()
        letters = opened.frame("SELECT count(*) FROM dead_letters").item()
    seen = {(row["gateway"], row["input_tokens"]): row["copies"] for row in events.to_dicts()}
    assert seen.keys() == {(name, number) for name in GATEWAYS for number in range(each)}
    # The event that was being written when its gateway was killed is written again with a new id.
    assert sum(seen.values()) - 2 * each <= 1
    assert (requests, letters) == (sum(seen.values()), 0)

    for process in (*forwarders.values(), *consumers):
        process.send_signal(signal.SIGTERM)
    for process in (*forwarders.values(), *consumers):
        summary = json.loads(process.communicate(timeout=60)[0])
        assert process.returncode == 0, summary
