"""`gatemeter keys assign` and `gatemeter keys history`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from analytics.load import Loader
from analytics.store import Store
from tests.analytics.samples import MORNING, FakeClock, event, load

if TYPE_CHECKING:
    from tests.gatemeter.commands.conftest import Run

KEY = "k_0123456789abcdef"
BERLIN = {"GATEMETER_TIMEZONE": "Europe/Berlin"}


def give(run: Run, *more: str, key: str = "search-app", **options: Any) -> Any:
    """Assign the key as of the made-up traffic's day; what was printed as JSON."""
    arguments = ("keys", "assign", key, "--team", "payments", "--from", "2026-11-20", "--json")
    done = run(*arguments, *more, **options)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_a_dry_run_then_the_move_then_nothing(run: Run) -> None:
    """Requests and money move once, and reports show it."""
    told = give(run, "--dry-run")
    assert told["dry_run"]
    assert {one["team"]: one["requests"] for one in told["moved"]} == {"search": 1, "sales": 1}
    assert {one["cost"]["USD"] for one in told["moved"]} == {"0.00325"}
    spend = ("report", "spend", "--by", "team", "--since", "2026-11-01", "--json")
    before = {row["team"] for row in json.loads(run(*spend).stdout)}
    assert before == {"search", "sales"}
    assert give(run)["moved"] == told["moved"]
    (row,) = json.loads(run(*spend).stdout)
    assert (row["team"], row["requests"], row["cost"]) == ("payments", 2, "0.0065")
    again = give(run)
    assert (again["is_new"], again["moved"]) == (False, [])


def test_people_read_what_would_move_without_digits_of_nothing(run: Run, tmp_path: Path) -> None:
    """Real amounts; requests that have no price are said to be without one."""
    with Store.open(str(tmp_path / "store")) as store:
        unknown = event(9, at=MORNING, team="new", deployment="x", response_model="nobody-s")
        load(Loader(store, FakeClock()), unknown, source="more")
    done = run("keys", "assign", KEY, "--team", "x", "--from", "2026-11-20", "--dry-run")
    assert "would move 1 request, 0.00325 USD from team sales, " in done.stdout
    assert "would move 1 request (without a cost) from team new, " in done.stdout


def test_days_are_those_of_the_business(run: Run) -> None:
    """Said as a day there, kept as an UTC hour, and told as a day again."""
    outcome = give(run, "--name", "checkout", "--until", "2026-11-21", env=BERLIN)
    assert outcome["valid_from"] == "2026-11-19T23:00:00+00:00"
    assert outcome["valid_to"] == "2026-11-20T23:00:00+00:00"
    (row,) = json.loads(run("keys", "history", "checkout", "--json", env=BERLIN).stdout)
    assert (row["key_id"], row["from"], row["until"]) == (KEY, "2026-11-20", "2026-11-21")
    printed = run("keys", "history", "--all", env=BERLIN).stdout
    assert "noted_at" in printed
    assert "2026-11-20" in printed
    assert "valid_from" not in printed


def test_days_that_begin_at_half_past_are_rounded_and_said_so(run: Run) -> None:
    """Sums are kept by whole UTC hours."""
    arguments = ("keys", "assign", KEY, "--team", "x", "--from", "2026-11-20")
    done = run(*arguments, env={"GATEMETER_TIMEZONE": "Asia/Kolkata"})
    assert done.exit_code == 0
    assert "begin at 18:30Z" in done.stderr
    assert "from 2026-11-20 (2026-11-19 19:00Z)" in done.stdout
    assert "moved 1 request, 0.00325" in done.stdout


def test_a_fingerprint_may_be_assigned_before_it_was_seen(run: Run) -> None:
    """A new key is given to its team before its first request."""
    outcome = give(run, key="k_00000000000000aa")
    assert (outcome["is_new"], outcome["moved"]) == (True, [])
    assert json.loads(run("keys", "history", KEY, "--json").stdout) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nobody", "--team", "x", "--from", "2026-11-01"), "no key is called nobody"),
        ((KEY, "--team", "x", "--from", "2026-11-02", "--until", "2026-11-02"), "--until"),
        ((KEY, "--team", " ", "--from", "2026-11-02"), "at least one letter"),
        (
            (KEY, "--team", "x", "--from", "yesterday"),
            "'--from': 'yesterday' is no day: give one such as 2026-11-01",
        ),
    ],
)
def test_what_cannot_be_is_said(run: Run, arguments: tuple[str, ...], says: str) -> None:
    """Before anything is written."""
    done = run("keys", "assign", *arguments)
    assert done.exit_code != 0
    assert says in done.stderr


def test_a_name_of_several_keys_asks_which(run: Run, tmp_path: Path) -> None:
    """The settings may call another key the same."""
    (tmp_path / "gatemeter.toml").write_text('[keys.k_00000000000000aa]\nname = "search-app"\n')
    done = run("keys", "history", "search-app")
    assert done.exit_code == 1
    assert f"give one of k_00000000000000aa, {KEY}" in done.stderr


def test_without_the_packages_of_the_store_the_line_that_installs_them(tmp_path: Path) -> None:
    """On a gateway's machine only fingerprints are made."""
    code = "import sys; sys.modules['duckdb'] = None\n"
    code += "from gatemeter.cli import main; main(['keys', 'history'])"
    environment = {**os.environ, "GATEMETER_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "Error: `gatemeter keys` needs duckdb: pip install 'gatemeter[ingest]'\n"
