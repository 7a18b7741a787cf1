"""`gatemeter consume` and `gatemeter dead-letters` as people and scripts use them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from analytics import Store
from gatemeter.cli import cli
from gateway_hooks.queue.file_queue import FileQueue
from ingest.file_queue import FileQueueSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.ingest.conftest import FakeClock
    from tests.queue_samples import MakeLine


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of our own."""
    monkeypatch.setenv("GATEMETER_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def put(home: Path) -> Callable[..., None]:
    """Appends lines to the queue by the real writer."""

    def append(*lines: bytes) -> None:
        queue = FileQueue(home / "queue", sync_interval_ms=0)
        for line in lines:
            queue.append(line)
        queue.close()

    return append


def run(*arguments: str, exit_code: int = 0) -> Any:
    """Run a command; its result with stdout and stderr apart."""
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == exit_code, result.output
    return result


def test_once_with_json_prints_one_object(
    put: Callable[..., None], event_line: MakeLine, home: Path
) -> None:
    """Scripts read the counts from stdout; logs go to stderr."""
    put(event_line(1), event_line(2), event_line(1), b"nonsense\n")
    result = run("consume", "--once", "--json")
    summary = json.loads(result.stdout)
    expected = {"events_stored": 2, "duplicates": 1, "dead_letters": 1, "segments_deleted": 1}
    assert expected.items() <= summary.items()
    assert summary["lag_bytes"] == 0
    assert list((home / "queue").glob("*.ndjson*")) == []


def test_logs_are_one_json_object_a_line(put: Callable[..., None], event_line: MakeLine) -> None:
    """Whatever collects logs can read them, and no line of the queue is quoted in them."""
    put(event_line(1), b'{"prompt": "the secret of my life"}\n')
    result = run("consume", "--once")
    records = [json.loads(line) for line in result.stderr.splitlines()]
    assert [record["kind"] for record in records if record["level"] == "warning"] == ["bad_line"]
    assert "secret" not in result.output
    assert "1 events stored, 0 duplicates, 1 dead letters" in result.stdout


def test_queue_and_store_can_be_named(tmp_path: Path, event_line: MakeLine, home: Path) -> None:
    """Options win over the environment."""
    elsewhere = tmp_path / "elsewhere"
    queue = FileQueue(elsewhere)
    queue.append(event_line(1))
    queue.close()
    run("consume", "--once", "--queue", str(elsewhere), "--store", str(tmp_path / "lake"))
    with Store.open(str(tmp_path / "lake"), read_only=True) as store:
        assert store.frame("SELECT count(*) FROM usage.events").item() == 1
    assert not (home / "store").exists()


def test_a_second_consumer_is_refused_in_one_line(home: Path, clock: FakeClock) -> None:
    """The error names the process and says what to do."""
    source = FileQueueSource(home / "queue", clock)
    result = run("consume", "--once", exit_code=1)
    source.close()
    assert "already reads" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_unknown_error_is_loud_and_says_nothing_of_the_lines(
    put: Callable[..., None], event_line: MakeLine, home: Path
) -> None:
    """A broken store ends it with exit code 1 and places in the code; the lines stay queued."""
    put(event_line(1, gateway="name-of-this-gateway"))
    with Store.open(str(home / "store")) as store, store.transaction() as connection:
        connection.execute("DROP TABLE usage.traffic_hourly")
    result = run("consume", "--once", exit_code=1)
    assert "stopped by an unknown error, CatalogException" in result.stderr
    assert "loader.py" in result.stderr
    assert "name-of-this-gateway" not in result.output
    assert len(list((home / "queue").glob("*.ndjson"))) == 1


def test_a_bad_option_names_its_setting() -> None:
    """Options are checked like the settings they stand for."""
    from gateway_hooks.errors import SettingsError

    result = CliRunner().invoke(cli, ["consume", "--once", "--batch-rows", "0"])
    assert isinstance(result.exception, SettingsError)
    assert "GATEMETER_BATCH_ROWS" in str(result.exception)


def test_dead_letters_are_listed_with_place_and_reason(put: Callable[..., None]) -> None:
    """The table is for people, JSON has the redacted line too."""
    assert run("dead-letters", "list").stdout == "no dead letters\n"
    put(b'{"event_id": 12345, "prompt": "top secret"}\n')
    run("consume", "--once")
    (letter,) = json.loads(run("dead-letters", "list", "--json").stdout)
    assert letter["reason"].startswith("event_id: Input should be a valid string")
    assert json.loads(letter["line"])["event_id"] == "[redacted number]"
    assert "secret" not in letter["line"]
    assert letter["partition"] in run("dead-letters", "list").stdout
    assert json.loads(run("dead-letters", "list", "--json", "--since", "2099-01-01").stdout) == []
    assert len(json.loads(run("dead-letters", "list", "--json", "--since", "1h").stdout)) == 1


def test_a_replay_loads_what_is_an_event_after_all_and_only_once(
    put: Callable[..., None], event_line: MakeLine, home: Path
) -> None:
    """An upgrade makes events of lines that an older consumer refused; totals stay right."""
    put(b"nonsense\n", event_line(2))
    run("consume", "--once")
    _insert_dead_letter(home, event_line(1))
    _insert_dead_letter(home, event_line(2))
    _insert_dead_letter(home, event_line(3, request_model="[redacted 8 chars]"))

    dry = json.loads(run("dead-letters", "replay", "--dry-run", "--json").stdout)
    assert (dry["replayable"], dry["stored"], dry["kept"]) == (2, 0, 2)
    done = json.loads(run("dead-letters", "replay", "--json").stdout)
    assert (done["stored"], done["duplicates"], done["kept"]) == (1, 1, 2)
    again = json.loads(run("dead-letters", "replay", "--json").stdout)
    assert (again["replayable"], again["kept"]) == (0, 2)
    with Store.open(str(home / "store"), read_only=True) as store:
        assert store.frame("SELECT count(*) FROM usage.events").item() == 2
    listed = json.loads(run("dead-letters", "list", "--json").stdout)
    assert sum(letter["replayed_at"] is not None for letter in listed) == 2


def _insert_dead_letter(home: Path, line: bytes) -> None:
    """What an older version might have left: a redacted line that is an event by our rules."""
    from analytics import Batch, DeadLetter
    from analytics.load import Loader
    from ingest.clock import SystemClock

    with Store.open(str(home / "store")) as store:
        letter = DeadLetter("file_queue", "old", hash(line), "too new", line.decode().strip())
        Loader(store, SystemClock()).load(Batch(b"", (), (letter,)))


@pytest.mark.parametrize("when", ["soon", "5y", "24"])
def test_a_time_that_is_none_is_refused(when: str) -> None:
    """The error says what a time looks like."""
    assert "such as 24h" in run("dead-letters", "list", "--since", when, exit_code=2).stderr
