"""The analysts' page says what the store has, and its examples run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analytics import Store
from analytics.query import read_only_query

PAGE = (Path(__file__).parent.parent.parent / "docs" / "sql.md").read_text()
EXAMPLES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


def documented() -> dict[str, list[tuple[str, str]]]:
    """Column names and types by view, as the page has them."""
    sections = re.split(
        r"^### ", PAGE.split("## Views")[1].split("## Prices")[0], flags=re.MULTILINE
    )[1:]
    return {
        section.split("\n", 1)[0]: re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.MULTILINE)
        for section in sections
    }


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An empty store."""
    url = str(tmp_path_factory.mktemp("store"))
    Store.open(url).close()
    return url


def test_every_view_and_column_is_documented(url: str) -> None:
    """The page names the views, their columns in order, and their types; no more and no less."""
    views = read_only_query(url, "SELECT view_name FROM duckdb_views() WHERE NOT internal")
    assert set(views["view_name"]) == set(documented())
    for view, columns in documented().items():
        with Store.open(url, read_only=True) as store:
            rows = store.cursor().execute(f"DESCRIBE usage.{view}").fetchall()
        types = [
            (row[0], row[1].replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")) for row in rows
        ]
        assert columns == types, view


def test_there_are_examples() -> None:
    """The page does not lose them unseen."""
    assert len(EXAMPLES) >= 6


@pytest.mark.parametrize("sql", EXAMPLES)
def test_examples_run(url: str, sql: str) -> None:
    """Whoever pastes an example gets an answer."""
    assert read_only_query(url, sql).width > 1
