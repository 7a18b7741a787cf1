"""The SQL page, run as Streamlit runs it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from analytics.query import read_only_query
from analytics.store import Store
from dashboard.examples import EXAMPLES
from tests.dashboard.made_traffic import ago, events, plain_event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streamlit.testing.v1 import AppTest


def run(app: AppTest, text: str) -> AppTest:
    """Write a query and run it."""
    app.text_area(key="sql").set_value(text)
    return app.button[0].click().run()


def test_an_empty_store_says_how_to_fill_it(open_app: Callable[..., AppTest]) -> None:
    """Before the first event there is nothing to query, and the page says so."""
    app = open_app("explore")
    assert "gatemeter consume" in app.info[0].value
    assert not app.exception


def test_a_query_is_answered_with_its_decimals(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """Money comes out of a reader's own query as exactly as it went in."""
    fill([plain_event(ago(hours=1))])
    app = run(open_app("explore"), "SELECT team, cost FROM usage_events")
    answer = app.dataframe[0].value
    assert answer["team"].to_list() == ["commerce"]
    assert answer["cost"].to_list() == [Decimal("0.0028")]
    assert not app.error


def test_more_rows_than_asked_for_are_said_to_exist(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """A cut answer does not pass for a whole one."""
    fill([plain_event(ago(hours=1))])
    app = open_app("explore")
    app.selectbox(key="row_limit").set_value(100)
    app = run(app, "SELECT * FROM range(101)")
    assert len(app.dataframe[0].value) == 100
    said = " ".join(str(part.proto.body) for part in app.get("html"))
    assert "100 rows, and there are more" in said
    app = run(app, "SELECT * FROM range(100)")
    assert "there are more" not in " ".join(str(part.proto.body) for part in app.get("html"))


def test_what_is_wrong_with_a_query_is_one_line(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """A mistake, and an attempt to write, end in a sentence; the editor keeps its text."""
    fill([plain_event(ago(hours=1))])
    app = open_app("explore")
    for text in ("SELECT nonsense FROM usage_events", "DROP TABLE events", "SELECT 1; SELECT 2"):
        app = run(app, text)
        assert app.error[0].value
        assert "\n" not in app.error[0].value
        assert not app.exception
        assert app.text_area(key="sql").value == text


def test_an_example_fills_the_editor_and_views_are_listed(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """A reader starts from something that works, with the columns beside it."""
    fill([plain_event(ago(hours=1))])
    app = open_app("explore")
    assert app.text_area(key="sql").value == next(iter(EXAMPLES.values()))
    app.selectbox(key="example").set_value("The state of the pipeline").run()
    assert app.text_area(key="sql").value == EXAMPLES["The state of the pipeline"]
    assert "usage_events" in {part.label for part in app.expander}


def test_a_failing_store_is_one_line(
    open_app: Callable[..., AppTest], fill: Callable[..., int], store_folder: Path
) -> None:
    """Also this page shows no traceback when the store cannot answer."""
    fill([plain_event(ago(minutes=5))])
    with Store.open(str(store_folder)) as store, store.transaction() as connection:
        connection.execute("DROP TABLE loads_hourly")
    app = open_app("explore")
    assert "the store cannot answer" in app.error[0].value
    assert not app.exception


def test_every_example_runs(store_folder: Path, fill: Callable[..., int]) -> None:
    """No example fails, and over a busy day each has something to say."""
    fill(list(events(until=ago(), days=1.5, per_hour=60)))
    for name, text in EXAMPLES.items():
        answer = read_only_query(str(store_folder), text, 1000, 60)
        assert answer.height > 0, name
