"""`gatemeter sql`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.gatemeter.commands.conftest import Run


def test_a_query_is_answered_in_each_shape(run: Run) -> None:
    """The same answer as a table, as JSON and as CSV."""
    query = "SELECT team, sum(cost) AS usd FROM spend_daily GROUP BY ALL ORDER BY team"
    assert run("sql", query).stdout.split() == [
        "team", "usd", "sales", "0.003250", "search", "0.003250",
    ]  # fmt: skip
    assert json.loads(run("sql", "--json", query).stdout)[0] == {"team": "sales", "usd": "0.00325"}
    assert run("sql", "--csv", query).stdout == "team,usd\nsales,0.00325\nsearch,0.00325\n"


def test_a_query_may_come_from_a_pipe(run: Run) -> None:
    """Long queries live in files."""
    assert json.loads(run("sql", "--json", input="SELECT 1 AS one").stdout) == [{"one": 1}]


def test_types_of_all_kinds_have_a_json(run: Run) -> None:
    """Lists, maps, times and nothing are written as JSON has them."""
    query = (
        "SELECT [1.5::DECIMAL(4, 2)] AS list, MAP {'a': 'b'} AS map, NULL AS none, "
        "TIMESTAMPTZ '2026-11-20 09:00:00+00' AS at, DATE '2026-11-20' AS day, 'NaN'::DOUBLE AS nan"
    )
    assert json.loads(run("sql", "--json", query).stdout) == [
        {
            "list": ["1.5"],
            "map": {"a": "b"},
            "none": None,
            "at": "2026-11-20T09:00:00+00:00",
            "day": "2026-11-20",
            "nan": None,
        }
    ]


def test_writing_is_refused(run: Run) -> None:
    """The command reads, and says so."""
    done = run("sql", "DELETE FROM events")
    assert done.exit_code == 1
    assert "only a query" in done.stderr
    assert json.loads(run("sql", "--json", "SELECT count(*) AS n FROM events").stdout) == [{"n": 2}]


def test_a_cut_answer_says_that_it_is_cut(run: Run) -> None:
    """Nobody takes the first rows for all of them."""
    done = run("sql", "--limit", "2", "FROM range(5)")
    assert "the first 2 rows" in done.stderr
    assert "the first" not in run("sql", "FROM range(5)").stderr


def test_connect_prints_how_other_tools_open_the_store(run: Run) -> None:
    """Analysts paste a line instead of reading a manual."""
    printed = run("sql", "--connect").stdout
    assert "ATTACH 'ducklake:sqlite:" in printed
    assert "catalog.sqlite" in printed
