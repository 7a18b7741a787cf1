"""The commands over the store: report, sql, rates, maintain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analytics import Store
from analytics.ratecard.seed import seed
from gatemeter.cli import cli
from ingest import SystemClock


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a store that knows prices and nothing else."""
    monkeypatch.setenv("GATEMETER_HOME", str(tmp_path))
    with Store.open(str(tmp_path / "store")) as store:
        seed(store, SystemClock())
    return tmp_path


def run(*arguments: str) -> Result:
    """One command, in this process."""
    return CliRunner().invoke(cli, list(arguments))


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("kind", ["spend", "throttling", "latency"])
def test_reports_of_nothing_are_empty_and_succeed(kind: str) -> None:
    """A script that runs before the first event reads an empty list, not an error."""
    result = run("report", kind, "--by", "backend", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, [])


@pytest.mark.usefixtures("home")
def test_sql_prints_json() -> None:
    """Numbers reach other programs."""
    result = run("sql", "--json", "select 1 as one")
    assert (result.exit_code, json.loads(result.stdout)) == (0, [{"one": 1}])


@pytest.mark.usefixtures("home")
def test_sql_refuses_to_write() -> None:
    """A slip at the prompt destroys nothing, and says so in one line."""
    result = run("sql", "delete from events")
    assert result.exit_code != 0
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("home")
def test_rates_explain_names_the_price() -> None:
    """FinOps sees which rate applies: gpt-4.1-mini, 0.40 USD for a million input tokens."""
    result = run("rates", "explain", "gpt-4.1-mini", "--deployment-type", "global", "--json")
    assert result.exit_code == 0, result.output
    assert "0.0000004" in result.stdout or "4E-7" in result.stdout or "0.40" in result.stdout


@pytest.mark.usefixtures("home")
def test_maintain_says_what_it_did() -> None:
    """Maintenance of an empty store succeeds and reports."""
    result = run("maintain", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["deleted_events"] == 0


def test_without_a_store_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newcomer who asks before consuming is told to consume."""
    monkeypatch.setenv("GATEMETER_HOME", str(tmp_path))
    result = run("report", "spend")
    assert result.exit_code != 0
    assert "gatemeter consume" in str(result.output) + str(result.exception)
