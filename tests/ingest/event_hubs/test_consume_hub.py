"""`gatemeter consume` over an emulated hub: exactly once, with what a hub can do to it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from azure.eventhub import EventData, EventHubProducerClient
from click.testing import CliRunner

from analytics import Store
from gatemeter.cli import cli

if TYPE_CHECKING:
    from pathlib import Path

    from gatemeter.emulator import Emulator
    from tests.queue_samples import MakeLine

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that has its prices already, to be copied: they take a while."""
    home = tmp_path_factory.mktemp("home")
    result = CliRunner().invoke(
        cli, ["consume", "--once", "--source", "queue"], env={"GATEMETER_HOME": str(home)}
    )
    assert result.exit_code == 0, result.output
    return home / "store"


@pytest.fixture(autouse=True)
def _home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub: Emulator, empty_store: Path
) -> None:
    """Settings as an operator gives them."""
    shutil.copytree(empty_store, tmp_path / "store")
    monkeypatch.setenv("GATEMETER_HOME", str(tmp_path))
    monkeypatch.setenv("GATEMETER_EVENT_HUB", hub.connection_string)


def send(hub: Emulator, *bodies: bytes, partition: str = "0") -> None:
    """Each body as a message."""
    producer = EventHubProducerClient.from_connection_string(hub.connection_string)
    with producer:
        for body in bodies:
            producer.send_batch([EventData(body)], partition_id=partition)


def consume(*options: str) -> dict[str, Any]:
    """Drain the hub; the summary."""
    result = CliRunner().invoke(cli, ["consume", "--once", "--json", *options])
    assert result.exit_code == 0, result.output
    summary: dict[str, Any] = json.loads(result.stdout)
    return summary


def stored(tmp_path: Path) -> int:
    """Input tokens in the store; each sample event has its number."""
    with Store.open(str(tmp_path / "store"), read_only=True) as store:
        return int(store.frame("SELECT sum(input_tokens) FROM events").item())


def test_packed_messages_are_stored_once(
    hub: Emulator, tmp_path: Path, event_line: MakeLine
) -> None:
    """Several partitions and events a message, the last without a newline; then nothing new."""
    lines = [event_line(number) for number in range(12)]
    send(hub, b"".join(lines[:5]), b"".join(lines[5:7]))
    send(hub, b"".join(lines[7:]).rstrip(b"\n"), partition="3")
    first = consume()
    assert (first["events_stored"], first["duplicates"], first["dead_letters"]) == (12, 0, 0)
    again = consume()
    assert (again["events_stored"], again["duplicates"], again["bytes_read"]) == (0, 0, 0)
    assert stored(tmp_path) == sum(range(12))


def test_a_commit_may_end_inside_a_message(
    hub: Emulator, tmp_path: Path, event_line: MakeLine
) -> None:
    """The row belongs to the position: small batches split a message and lose nothing."""
    send(hub, b"".join(event_line(number) for number in range(10)))
    summary = consume("--batch-rows", "1")  # five while more wait
    assert (summary["events_stored"], summary["duplicates"]) == (10, 0)
    assert summary["commits"] >= 2
    assert stored(tmp_path) == sum(range(10))


def test_what_is_sent_again_is_dropped(hub: Emulator, event_line: MakeLine) -> None:
    """A lost acknowledgement makes copies in the hub, none in the store."""
    body = event_line(1) + event_line(2)
    send(hub, body, body)
    assert consume()["events_stored"] == 2
    send(hub, body)
    assert consume()["duplicates"] == 2


def test_a_bad_line_is_a_dead_letter_with_its_place(hub: Emulator, event_line: MakeLine) -> None:
    """Sequence number and row name it; the lines around it are stored."""
    send(hub, event_line(1) + b'{"event_id": 7}\n' + event_line(2))
    summary = consume()
    assert (summary["events_stored"], summary["dead_letters"]) == (2, 1)
    listed = CliRunner().invoke(cli, ["dead-letters", "list", "--json"])
    (letter,) = json.loads(listed.stdout)
    assert (letter["partition"], letter["position"]) == ("0", 1)


def test_messages_that_left_the_hub_unread_are_counted(
    hub: Emulator, tmp_path: Path, event_line: MakeLine
) -> None:
    """Retention that is too short shows up in the summary and as a dead letter."""
    send(hub, event_line(1))
    consume()
    send(hub, *(event_line(number) for number in range(2, 6)))
    hub.trim("0", keep=1)
    summary = consume()
    assert (summary["messages_missing"], summary["events_stored"]) == (3, 1)
    assert stored(tmp_path) == 1 + 5


def test_a_hub_that_cannot_be_reached_is_said_so(
    hub: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run with an end ends with one line that names the reason."""
    from ingest.event_hubs import source

    hub.stop()
    monkeypatch.setattr(source.HubLimits, "__init__", _impatient)
    result = CliRunner().invoke(cli, ["consume", "--once"])
    assert result.exit_code == 1
    assert "the hub gave nothing" in result.output
    assert "check GATEMETER_EVENT_HUB" in result.output


def _impatient(self: Any) -> None:
    object.__setattr__(self, "mailbox_bytes", 1 << 20)
    object.__setattr__(self, "patience_seconds", 3.0)
