"""The frame: filters, links, time zone, and a store that is not there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from dashboard.settings import STORE_VARIABLE
from tests.dashboard.made_traffic import ago, metrics, plain_event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from streamlit.testing.v1 import AppTest


def test_a_link_selects_and_cannot_do_more(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """Known names in the URL are picked; what nobody is called is dropped."""
    fill([plain_event(ago(hours=1))])
    app = open_app(team=["commerce", "'; DROP TABLE events"], range="Last 7 days", model="nonsense")
    assert app.multiselect(key="team").value == ["commerce"]
    assert app.multiselect(key="model").value == []
    assert app.selectbox(key="range").value == "Last 7 days"
    assert metrics(app)["Requests"] == "1"


def test_filters_stay_when_the_page_changes(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """Who looks at a team's spend and turns to throttling still looks at that team."""
    fill([plain_event(ago(hours=1), number, team=f"t{number}") for number in (1, 2)])
    app = open_app("throttling", team="t1")
    assert app.multiselect(key="team").value == ["t1"]
    assert "team t1" in " ".join(str(part.proto.body) for part in app.get("html"))


def test_custom_days_are_the_business_s_days(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """A request at 23:30 UTC belongs to the day after in Berlin."""
    zone = ZoneInfo("Europe/Berlin")
    day = ago().astimezone(zone).date() - timedelta(days=3)
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    fill([plain_event(midnight - timedelta(minutes=1), 1), plain_event(midnight, 2)])
    app = open_app(range="Custom days")
    app.date_input(key="days").set_value((day, day)).run()
    assert metrics(app)["Requests"] == "1"
    app.date_input(key="days").set_value((day - timedelta(days=1), day)).run()
    assert metrics(app)["Requests"] == "2"


def test_the_state_of_the_pipeline_is_on_the_page(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """How fresh the numbers are stands above them."""
    fill([plain_event(ago(minutes=30))])
    text = " ".join(str(part.proto.body) for part in open_app().get("html"))
    assert "Last event 30 min ago" in text
    assert "1 events" in text
    assert "0 dead letters" in text


def test_a_name_cannot_carry_markup(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """Deployments and models are named by callers; a page shows such names as text."""
    fill([plain_event(ago(hours=1), team="<img src=x onerror=alert(1)>")])
    app = open_app(split="Team")
    text = " ".join(str(part.proto.body) for part in app.get("html"))
    assert "&lt;img src=x" in text
    assert "<img" not in text


def test_a_store_that_is_gone_is_one_line(
    open_app: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The page says which store it looked for, and no traceback."""
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "nothing"))
    app = open_app()
    assert "there is no store at" in app.error[0].value
    assert not app.exception
