"""The throttling page, run as Streamlit runs it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from analytics.store import Store
from tests.dashboard.made_traffic import ago, metrics, plain_event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streamlit.testing.v1 import AppTest


def failed_over(moment: datetime, number: int) -> dict[str, Any]:
    """A request that one backend throttled and another served."""
    return plain_event(
        moment,
        number,
        stream=True,
        time_to_first_chunk_ms=400.0,
        attempts=[
            {
                "backend": "aoai-one",
                "status_code": 429,
                "throttle": "token_rate",
                "offset_ms": 0.0,
                "duration_ms": 20.0,
                "retry_after_ms": 7000.0,
                "remaining_tokens": 0,
            },
            {
                "backend": "aoai-two",
                "deployment": "gpt-4.1",
                "status_code": 200,
                "offset_ms": 22.0,
                "duration_ms": 770.0,
            },
        ],
    )


def notes(app: AppTest) -> str:
    """The small print of a page."""
    return " ".join(str(part.proto.body) for part in app.get("html"))


def test_an_empty_store_says_how_to_fill_it(open_app: Callable[..., AppTest]) -> None:
    """Before the first event the page names the commands."""
    app = open_app("throttling")
    assert "gatemeter consume" in app.info[0].value
    assert not app.metric
    assert not app.exception


def test_one_event_without_trouble_says_there_was_none(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """No 429 is said in words, not drawn as an empty chart."""
    fill([plain_event(ago(minutes=9))])
    app = open_app("throttling", range="Last hour")
    assert metrics(app)["429 rate"] == "0%"
    assert metrics(app)["Slowest p95"] == "801 ms"
    assert "No backend answered 429 in this selection." in notes(app)
    assert "No call was a retry in this selection." in notes(app)
    assert app.dataframe[0].value["Backend"].to_list() == ["aoai-one"]
    assert not app.exception
    assert not app.warning


def test_a_429_is_seen_from_every_side(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """Rate, minutes, retries, waiting time and first chunk: one throttled call shows in each."""
    fill([failed_over(ago(minutes=9), 1)])
    app = open_app("throttling", range="Last hour")
    assert metrics(app) == {
        "429 rate": "50.0%",
        "429 minutes": "1",
        "Retry rate": "50.0%",
        "Lost to 429": "0%",
        "Retry-After": "7.00 s",
        "Slowest p95": "801 ms",
        "First chunk p95": "400 ms",
    }
    table = app.dataframe[0].value.set_index("Backend")
    assert table.loc["aoai-one", "429"] == 1
    assert table.loc["aoai-two", "Retries"] == 1
    assert "tokens per minute" in notes(app)


def test_a_filter_and_a_choice_change_what_is_shown(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """One backend can be looked at alone, by another percentile of another time."""
    fill([failed_over(ago(minutes=9), 1)])
    app = open_app("throttling", range="Last hour")
    app.multiselect(key="backend").set_value(["aoai-two"]).run()
    assert metrics(app)["429 rate"] == "0%"
    assert app.dataframe[0].value["Backend"].to_list() == ["aoai-two"]
    app.segmented_control(key="measure").set_value("First chunk").run()
    app.segmented_control(key="percentile").set_value("p99").run()
    assert not app.exception


def test_a_failing_query_is_one_line(
    open_app: Callable[..., AppTest], fill: Callable[..., int], store_folder: Path
) -> None:
    """A store that cannot answer shows a sentence, not a traceback."""
    fill([plain_event(ago(minutes=5))])
    with Store.open(str(store_folder)) as store, store.transaction() as connection:
        connection.execute("DROP TABLE latency_hourly")
    app = open_app("throttling")
    assert "This could not be answered: the store cannot answer" in app.error[0].value
    assert not app.exception
