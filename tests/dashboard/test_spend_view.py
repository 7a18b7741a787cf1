"""The spend page, run as Streamlit runs it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from analytics.store import Store
from tests.analytics.provisioned.made_blocks import block, put_blocks
from tests.dashboard.made_traffic import ago, metrics, plain_event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

COST = Decimal("0.0028")
"""One plain event: 1000 x 2e-6 + 100 x 8e-6."""


def test_an_empty_store_says_how_to_fill_it(open_app: Callable[..., AppTest]) -> None:
    """Before the first event the page names the commands, and shows no zeros."""
    app = open_app()
    assert "gatemeter consume" in app.info[0].value
    assert "gatemeter demo" in app.info[0].value
    assert not app.metric
    assert not app.exception


def test_one_event_is_shown_in_full(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """A single cheap request is money, tokens and a row, and nothing reads as $0.00."""
    fill([plain_event(ago(minutes=5))])
    app = open_app()
    assert metrics(app)["Spend"] == "$0.00280"
    assert metrics(app)["Requests"] == "1"
    assert metrics(app)["Input tokens"] == "1,000"
    assert metrics(app)["Unpriced"] == "0"
    (table,) = app.dataframe
    assert table.value["Key"].to_list() == ["checkout"]
    assert table.value["Spend"].to_list() == [COST]
    assert not app.exception
    assert not app.error
    assert not app.warning


def test_a_filter_and_a_split_change_what_is_shown(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """Picking a team leaves its spend alone; splitting by model names models."""
    fill(
        [
            plain_event(ago(hours=2), 1),
            plain_event(ago(hours=1), 2, key_name="bot", team="care"),
            plain_event(ago(hours=1), 3, key_name="bot", team="care"),
        ]
    )
    app = open_app()
    assert metrics(app)["Requests"] == "3"
    app.multiselect(key="team").set_value(["care"]).run()
    assert metrics(app)["Requests"] == "2"
    assert app.dataframe[0].value["Key"].to_list() == ["bot"]
    app.segmented_control(key="split").set_value("Model").run()
    assert app.dataframe[0].value["Model"].to_list() == ["gpt-4.1"]
    app.button[0].click().run()
    assert metrics(app)["Requests"] == "3"


def test_a_selection_without_requests_says_so(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """A quiet hour is told from an empty store."""
    fill([plain_event(ago(days=3))])
    app = open_app(range="Last hour")
    assert "No requests in this selection" in app.info[0].value
    assert "3 days ago" in app.info[0].value
    assert not app.metric


def test_what_has_no_price_is_not_free(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """Unpriced usage is counted, named, and left out of the spend."""
    fill(
        [
            plain_event(
                ago(hours=1),
                request_model="house",
                response_model="house",
                deployment="house",
                attempts=[],
            )
        ]
    )
    app = open_app()
    assert metrics(app)["Spend"] == "-"
    assert metrics(app)["Unpriced"] == "1"
    unpriced = app.dataframe[-1].value
    assert unpriced["Model"].to_list() == ["house"]
    assert unpriced["Requests"].to_list() == [1]


def test_estimates_stand_apart(open_app: Callable[..., AppTest], fill: Callable[..., int]) -> None:
    """A reader sees which part of the money a tokenizer guessed."""
    fill(
        [
            plain_event(ago(hours=1), 1),
            plain_event(ago(hours=1), 2, usage_source="estimated"),
        ]
    )
    text = " ".join(str(part.proto.body) for part in open_app().get("html"))
    assert "reported by the backend: $0.00280 (50.0%)" in text
    assert "estimated with a tokenizer: $0.00280 (50.0%)" in text


def test_only_a_whole_period_before_is_compared_with(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """A store of one day has no day before; one of three weeks has, and shows the change."""
    fill([plain_event(ago(hours=3), 1)])
    assert {metric.delta for metric in open_app().metric if metric.label == "Requests"} == {""}
    fill([plain_event(ago(days=day, hours=3), 10 + day) for day in (1, 20)])
    fill([plain_event(ago(hours=3), 2)])
    requests = [metric for metric in open_app().metric if metric.label == "Requests"]
    assert [metric.delta for metric in requests] == ["+100.0%"]


def test_provisioned_throughput_is_shown_where_it_was_bought(
    open_app: Callable[..., AppTest], fill: Callable[..., int], store_folder: Path
) -> None:
    """A block has its cost, its idle part and the price of a token; without one there is no box."""
    at = ago(hours=2).replace(minute=0, second=0, microsecond=0)
    ptu = {"backend": "sweden", "deployment": "chat-ptu", "deployment_type": "ptu"}
    fill([plain_event(at, input_tokens=750_000, output_tokens=0, attempts=[ptu])])
    headings = [part.value for part in open_app().subheader]
    assert not any("Provisioned" in heading for heading in headings)
    with Store.open(str(store_folder)) as store:
        put_blocks(store, block(valid_from=at, valid_to=at + timedelta(hours=1)))
    app = open_app()
    assert "Provisioned throughput by block" in [part.value for part in app.subheader]
    (shown,) = [table.value for table in app.dataframe if "Idle cost" in table.value]
    assert shown.iloc[0].to_dict() | {"Used": 50.0} == {
        "Block": "chat", "Cost": 10, "Idle cost": 5, "Used": 50.0, "PTU-hours": 10,
        "Tokens": 750_000, "Per 1M tokens": Decimal(10) * 10**6 / 750_000,
    }  # fmt: skip
    assert shown.iloc[0]["Used"] == 50.0
    by_key = dict(zip(app.dataframe[0].value["Key"], app.dataframe[0].value["Spend"], strict=True))
    assert by_key["idle"] == 5
    assert not app.exception
    assert not app.error


def test_the_projected_month_has_an_interval(
    open_app: Callable[..., AppTest], fill: Callable[..., int]
) -> None:
    """The tile says between which amounts the month will end; without a whole day, what was spent.

    A selection of the last minutes is about the whole month all the same.
    """
    fill([plain_event(ago(minutes=2), 1)])
    (tile,) = [one for one in open_app(range="Last hour").metric if one.label == "Projected month"]
    assert tile.value == "-"
    assert tile.delta.endswith(" so far")
    fill([plain_event(ago(days=day), 10 + day) for day in range(1, 12)])
    (tile,) = [one for one in open_app(range="Last hour").metric if one.label == "Projected month"]
    assert tile.value.startswith("$0.0")
    low, _, high = tile.delta.partition(" to ")
    assert Decimal(low.removeprefix("$")) <= Decimal(tile.value.removeprefix("$"))
    assert Decimal(tile.value.removeprefix("$")) <= Decimal(high.removeprefix("$"))


def test_a_failing_query_is_one_line(
    open_app: Callable[..., AppTest], fill: Callable[..., int], store_folder: Path
) -> None:
    """A store that cannot answer shows a sentence, not a traceback."""
    fill([plain_event(ago(minutes=5))])
    with Store.open(str(store_folder)) as store, store.transaction() as connection:
        connection.execute("DROP TABLE charges_hourly")
    app = open_app()
    assert "This could not be answered: the store cannot answer" in app.error[0].value
    assert "\n" not in app.error[0].value
    assert not app.exception
