"""`gatemeter rates gaps`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from analytics.load import Loader
from analytics.store import Store
from tests.analytics.samples import MORNING, FakeClock, event, load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gatemeter.commands.conftest import Run


def test_no_gaps_are_said_in_words(run: Run) -> None:
    """An empty answer is an answer."""
    assert run("rates", "gaps").stdout == "no gaps: all usage has a price\n"
    assert json.loads(run("rates", "gaps", "--json").stdout) == []


def test_gaps_are_listed_with_what_to_write(run: Run, tmp_path: Path) -> None:
    """The lines to copy stand below the table, and in JSON beside each gap."""
    unknown = {"response_model": "gpt-99", "cached_input_tokens": None}
    with Store.open(str(tmp_path / "store")) as store:
        load(Loader(store, FakeClock()), event(9, at=MORNING, **unknown))
    told = run("rates", "gaps").stdout
    assert "unknown_model" in told
    assert 'per_million_tokens = { input = "?", output = "?" }' in told
    terminal = {"TTY_COMPATIBLE": "1", "TERM": "xterm", "COLUMNS": "80"}
    narrow = click.unstyle(run("rates", "gaps", env=terminal).stdout).split("\n\n")[0].splitlines()
    assert max(len(line.rstrip()) for line in narrow) <= 80
    assert {"model", "meter", "requests", "reason"} <= set(narrow[0].split())
    assert "first_hour" in run("rates", "gaps", "--wide", env=terminal).stdout
    rows = json.loads(run("rates", "gaps", "--json").stdout)
    assert [(row["meter"], row["quantity"]) for row in rows] == [
        ("input", "1000"),
        ("output", "100"),
    ]
    assert 'model = "gpt-99"' in rows[0]["write"]
    assert json.loads(run("rates", "gaps", "--since", "2027-01-01", "--json").stdout) == []


def test_without_a_store_the_error_says_what_to_do(run: Run, tmp_path: Path) -> None:
    """There are no gaps where nothing was ever stored."""
    done = run("rates", "gaps", env={"GATEMETER_STORE": str(tmp_path / "none")})
    assert done.exit_code == 1
    assert "there is no store" in done.stderr
