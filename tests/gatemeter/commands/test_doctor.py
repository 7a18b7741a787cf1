"""`gatemeter doctor` finds what is wrong and says what to do."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from analytics.address import without_password
from analytics.store import Store
from gatemeter.checks import (
    check_disk,
    check_extensions,
    check_key_salt,
    check_queue,
    check_variables,
)
from gatemeter.cli import cli
from gatemeter.settings import Settings
from gateway_hooks.queue.file_queue import FileQueue
from gateway_hooks.settings import key_salt
from ingest import FileQueueSource, SystemClock
from tests.analytics.provisioned.made_blocks import block, put_blocks
from tests.analytics.spending import add_charges, charge


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of our own."""
    monkeypatch.setenv("GATEMETER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def doctor(*, exit_code: int = 0) -> dict[str, dict[str, Any]]:
    """The findings by name; the last of each name."""
    result = CliRunner().invoke(cli, ["doctor", "--json"])
    assert result.exit_code == exit_code, result.output
    findings = json.loads(result.stdout)["findings"]
    return {finding["name"]: finding for finding in findings}


def test_a_fresh_machine_has_nothing_wrong_and_hints_at_the_next_step(home: Path) -> None:
    """Before the first event there are warnings, no failures, and nothing is created."""
    found = doctor()
    assert found["store"]["status"] == found["consumer"]["status"] == "warn"
    assert "gatemeter consume" in found["consumer"]["remedy"]
    assert found["tokenizer"]["status"] == found["queue"]["status"] == "ok"
    assert not home.exists()


def test_a_running_pipeline_is_all_well(home: Path) -> None:
    """With queue, store, salt and consumer in place every line is ok."""
    key_salt(Settings.load())
    CliRunner().invoke(cli, ["consume", "--once"])
    source = FileQueueSource(home / "queue", SystemClock())
    found = doctor()
    source.close()
    assert {name: finding["status"] for name, finding in found.items()} == dict.fromkeys(
        found, "ok"
    )
    assert "schema version" in found["store"]["detail"]


def test_waiting_events_and_dead_letters_are_named(home: Path) -> None:
    """What is not stored and what could not be stored shows up with its remedy."""
    queue = FileQueue(home / "queue")
    queue.append(b"nonsense\n")
    queue.close()
    CliRunner().invoke(cli, ["consume", "--once"])
    queue = FileQueue(home / "queue")
    queue.append(b'{"started_at":"2020-01-01T00:00:00.000000Z"}\n')
    queue.close()
    found = doctor()
    assert found["backlog"]["status"] == "warn"
    assert "wait" in found["backlog"]["detail"]
    assert "dead-letters list" in found["dead letters"]["remedy"]


def test_a_wrong_setting_fails_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without settings nothing else can be looked at."""
    monkeypatch.setenv("GATEMETER_BATCH_ROWS", "many")
    found = doctor(exit_code=1)
    assert list(found) == ["settings"]
    assert "GATEMETER_BATCH_ROWS" in found["settings"]["detail"]


def test_a_store_that_cannot_be_opened_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code tells scripts."""
    monkeypatch.setenv("GATEMETER_STORE", "ducklake:nonsense")
    found = doctor(exit_code=1)
    assert found["store"]["status"] == "fail"


def test_people_get_one_line_a_check() -> None:
    """Status, name, detail, and an arrow to the remedy."""
    lines = CliRunner().invoke(cli, ["doctor"]).stdout.splitlines()
    assert all(line.split()[0] in {"ok", "warn", "fail"} for line in lines)
    assert any(" -> " in line for line in lines)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("GATEMETER_STROE", "did you mean GATEMETER_STORE?"),
        ("GATEMETER_BATCHROWS", "did you mean GATEMETER_BATCH_ROWS?"),
        ("GATEMETER_ZZZZZZZZZZZZ", "unset it"),
    ],
)
def test_a_misspelt_variable_is_found(name: str, remedy: str) -> None:
    """A setting that nobody reads is worse than a wrong one."""
    (finding,) = check_variables({name: "1", "PATH": "/bin", "GATEMETER_CONFIG": "x"})
    assert finding.status == "warn"
    assert remedy in finding.remedy


def test_variables_of_commands_are_known() -> None:
    """What an option reads from the environment is no typing error."""
    (finding,) = check_variables({"GATEMETER_GATEWAY_BACKENDS": "http://localhost"})
    assert finding.status == "ok"


def test_a_salt_that_others_can_read_is_warned_of(home: Path) -> None:
    """Who has the salt can test guesses against fingerprints."""
    key_salt(Settings.load())
    assert check_key_salt(Settings.load()).status == "ok"
    (home / "key-salt").chmod(0o644)
    assert "chmod 600" in check_key_salt(Settings.load()).remedy


def test_a_queue_that_is_no_folder_fails(tmp_path: Path) -> None:
    """Gateways could not write there."""
    (tmp_path / "file").write_text("")
    assert check_queue(Settings.load(queue=tmp_path / "file")).status == "fail"


def test_a_queue_at_its_budget_fails(home: Path) -> None:
    """Events are being dropped at that moment."""
    queue = FileQueue(home / "queue")
    for _ in range(20):
        queue.append(b"x" * 60_000 + b"\n")
    queue.close()
    finding = check_disk(Settings.load(queue_max_bytes=1 << 20))
    assert finding.status == "fail"
    assert "GATEMETER_QUEUE_MAX_BYTES" in finding.remedy


def test_a_store_address_tells_which_extensions_it_needs() -> None:
    """PostgreSQL catalogs need another wheel than SQLite ones."""
    settings = Settings.load(store="ducklake:postgres:dbname=usage")
    details = [finding.detail for finding in check_extensions(settings)]
    assert any("postgres_scanner" in detail for detail in details)


@pytest.mark.parametrize(
    "address",
    [
        "ducklake:postgres:host=db password=hunter2 dbname=usage",
        "ducklake:postgres:host=db password='hunter2 x'",
        "ducklake:postgres:postgresql://me:hunter2@db/usage",
    ],
)
def test_a_password_in_the_address_is_not_shown(address: str) -> None:
    """Doctor's output ends up in tickets."""
    assert "hunter2" not in without_password(address)
    assert "***" in without_password(address)


def test_tokens_that_are_paid_twice_are_warned_of(home: Path) -> None:
    """A deployment of a provisioned block that is charged by the token is named, with its cost."""
    CliRunner().invoke(cli, ["consume", "--once"])
    now = datetime.now(UTC)
    with Store.open(str(home / "store")) as store:
        put_blocks(
            store,
            block(deployments=("chat-ptu",), valid_from=now - timedelta(days=2), valid_to=None),
        )
        hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
        add_charges(store, [charge(hour, "0.25", deployment="chat-ptu", backend="sweden")])
    found = doctor()["provisioned"]
    assert found["status"] == "warn"
    assert "chat-ptu at sweden was charged 0.25 USD by the token" in found["detail"]
    assert "deployment_type ptu" in found["remedy"]
