"""`gatemeter budgets`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click
import pytest

from analytics.load import Loader
from analytics.store import Store
from tests.analytics.samples import FakeClock, event, load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gatemeter.commands.conftest import Run

SETTINGS = """
[[budgets]]
name = "tokens"
measure = "tokens"
limit = 10_000

[[budgets]]
name = "misspelt"
team = "serch"
limit = "0.10"
period = "daily"

[[quotas]]
deployment = "chat"
tokens_per_minute = 2000
"""


@pytest.fixture
def used(tmp_path: Path, run: Run) -> Run:
    """The command line; two requests were made just now."""
    (tmp_path / "gatemeter.toml").write_text(SETTINGS)
    now = datetime.now(UTC)
    with Store.open(str(tmp_path / "store")) as store:
        load(
            Loader(store, FakeClock(now)),
            event(101, at=now - timedelta(seconds=1)),
            event(102, at=now - timedelta(seconds=1)),
            source="now",
        )
    return run


def test_status_as_json_is_exact(used: Run) -> None:
    """Programs get amounts as text, and everything that the table leaves out."""
    done = used("budgets", "status", "--json")
    assert done.exit_code == 0
    tokens, misspelt = json.loads(done.stdout)
    assert (tokens["limit"], tokens["unit"], tokens["state"]) == ("10000", "tokens", "ok")
    assert int(tokens["used"]) >= 2200
    assert tokens["period_start"] < tokens["period_end"]
    assert (misspelt["limit"], misspelt["used"], misspelt["scope_is_known"]) == ("0.1", "0", False)


def test_status_for_people_says_what_the_numbers_hide(used: Run) -> None:
    """A budget that matches nothing is doubted aloud, and so is how fresh the numbers are."""
    done = used("budgets", "status")
    assert done.exit_code == 0
    assert "tokens" in done.stdout
    assert "10,000 tokens" in done.stdout
    assert "misspelt: nothing in the store belongs to team serch" in done.stderr
    assert "as of the last stored request" in done.stderr


def test_quotas_show_the_fullest_minute(used: Run) -> None:
    """2,200 tokens in a minute of 2,000."""
    done = used("budgets", "quotas", "--since", "1h", "--json")
    (row,) = json.loads(done.stdout)
    assert (row["deployment"], row["peak_tokens"]) == ("chat", 2200)
    assert row["minutes_over_100"] == 1
    assert used("budgets", "quotas").stdout.startswith("deployment")
    assert used("budgets", "quotas", "--since", "x").exit_code == 2


def test_without_budgets_there_is_a_sentence(run: Run) -> None:
    """And an empty list for programs."""
    assert "no [[budgets]]" in run("budgets", "status").stdout
    assert json.loads(run("budgets", "status", "--json").stdout) == []


def test_a_misspelt_setting_stops_it(run: Run, tmp_path: Path) -> None:
    """A budget that is not understood is never passed over."""
    (tmp_path / "gatemeter.toml").write_text('[[budgets]]\nname = "a"\nlimt = 5\n')
    done = run("budgets", "status")
    assert done.exit_code != 0
    assert '[[budgets]] number 1 ("a")' in str(done.exception)


@pytest.mark.parametrize("kind", ["status", "quotas"])
def test_tables_fit_a_terminal(used: Run, kind: str) -> None:
    """80 columns hold what matters; --wide has every column."""
    terminal = {"TTY_COMPATIBLE": "1", "TERM": "xterm", "COLUMNS": "80"}
    narrow = click.unstyle(used("budgets", kind, env=terminal).stdout).splitlines()
    assert max(len(line.rstrip()) for line in narrow) <= 80
    wide = click.unstyle(used("budgets", kind, "--wide", env=terminal).stdout).splitlines()
    assert set(narrow[0].split()) < set(wide[0].split())


def test_without_quotas_there_is_a_sentence(run: Run) -> None:
    """No table without rows."""
    assert "no deployment has a quota" in run("budgets", "quotas").stdout
    assert json.loads(run("budgets", "quotas", "--json").stdout) == []
