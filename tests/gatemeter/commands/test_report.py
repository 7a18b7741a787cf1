"""`gatemeter report`."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import click
import pytest

if TYPE_CHECKING:
    from tests.gatemeter.commands.conftest import Run

PERIOD = ("--since", "2026-11-20", "--until", "2026-11-21")


def test_spend_as_json_is_exact(run: Run) -> None:
    """Programs get money as text, to the last digit."""
    done = run("report", "spend", *PERIOD, "--by", "team", "--json")
    assert done.exit_code == 0
    rows = json.loads(done.stdout)
    assert {row["team"]: row["cost"] for row in rows} == {"search": "0.00325", "sales": "0.00325"}


def test_spend_as_csv_has_a_head_and_a_row_each(run: Run) -> None:
    """A spreadsheet can read it."""
    done = run("report", "spend", *PERIOD, "--by", "day,team", "--csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["day"] for row in rows] == ["2026-11-20", "2026-11-20"]
    assert {row["team"] for row in rows} == {"search", "sales"}


def test_a_table_is_whole_when_it_is_piped(run: Run) -> None:
    """Nothing is cut off for a terminal that is not there."""
    done = run("report", "throttling", *PERIOD)
    head, *rows = done.stdout.splitlines()
    assert head.split()[0] == "backend"
    assert "max_utilization" in head
    assert [row.split()[0] for row in rows] == ["france", "sweden"]


def in_terminal(run: Run, *arguments: str, columns: int = 120) -> list[str]:
    """What a report prints in a terminal of so many columns, without its colours."""
    terminal = {"TTY_COMPATIBLE": "1", "TERM": "xterm", "COLUMNS": str(columns)}
    done = run("report", *arguments, *PERIOD, env=terminal)
    assert done.exit_code == 0
    return [line.rstrip() for line in click.unstyle(done.stdout).splitlines()]


@pytest.mark.parametrize("by", ["backend", "backend,hour", "key,model,operation"])
def test_a_table_fits_the_terminal_and_keeps_what_matters(run: Run, by: str) -> None:
    """No line is folded; what was throttled is shown before its details."""
    lines = in_terminal(run, "throttling", "--by", by)
    assert max(map(len, lines)) <= 120
    head = lines[0].split()
    assert {"requests", "attempts", "throttled_attempts"} <= set(head)
    assert "min_remaining_requests" not in head
    assert in_terminal(run, "spend", columns=30)[0].split()[:2] == ["team", "requests"]


def test_wide_tables_have_every_column(run: Run) -> None:
    """Whoever asks for all of it gets whole lines, in a terminal too."""
    (head, *_) = in_terminal(run, "throttling", "--wide", columns=40)
    asked = run("report", "throttling", *PERIOD, "--json").stdout
    assert head.split() == list(json.loads(asked)[0])


def test_hidden_columns_are_told_of(run: Run) -> None:
    """On stderr, so that nobody takes the table for whole."""
    terminal = {"TTY_COMPATIBLE": "1", "TERM": "xterm", "COLUMNS": "80"}
    done = run("report", "throttling", *PERIOD, env=terminal)
    assert "more columns: --wide" in done.stderr


def test_days_are_those_of_the_settings_zone(run: Run) -> None:
    """09:30 UTC is the evening of the same day in Auckland, and the night before in Honolulu."""
    for zone, day in (("Pacific/Auckland", "2026-11-20"), ("Pacific/Honolulu", "2026-11-19")):
        done = run(
            "report", "spend", "--since", "2026-11-18", "--until", "2026-11-23", "--by", "day",
            "--json", env={"GATEMETER_TIMEZONE": zone},
        )  # fmt: skip
        assert [row["day"] for row in json.loads(done.stdout)] == [day]


def test_filters_reach_the_report(run: Run) -> None:
    """`--team` and the like choose the traffic."""
    done = run("report", "latency", *PERIOD, "--by", "team", "--team", "sales", "--json")
    (row,) = json.loads(done.stdout)
    assert (row["team"], row["requests"]) == ("sales", 1)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--by", "colour"), 1, "cannot be split by 'colour'"),
        (("--since", "yesterday"), 2, "'yesterday' is no time"),
        (("--store", "ducklake:mysql:x"), 1, "is no store"),
    ],
)
def test_a_mistake_is_one_line_and_no_success(
    run: Run, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """Scripts see the exit code, people the sentence."""
    done = run("report", "spend", *arguments)
    assert done.exit_code == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_yet_is_said_so(run: Run, tmp_path: object) -> None:
    """Before the first consumer run there is a sentence instead of an error's trace."""
    done = run("report", "spend", "--store", f"{tmp_path}/none")
    assert done.exit_code == 1
    assert "gatemeter consume" in done.stderr
    assert run("report", "spend", "--since", "1h").stdout.count("\n") == 2
