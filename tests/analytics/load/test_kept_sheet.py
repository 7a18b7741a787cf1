"""What an event was charged by can be kept as text and read again."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from analytics.load.kept_sheet import keep_sheets, read_sheets
from analytics.load.price import price
from analytics.load.stage import stage
from analytics.ratecard.table import CardReader
from tests.analytics.samples import event, ndjson

if TYPE_CHECKING:
    from analytics.store import Store
    from tests.analytics.samples import FakeClock


def test_rates_and_reasons_come_back(store: Store, clock: FakeClock) -> None:
    """What was asked, prices to the last digit, and why something had none."""
    known, unknown = event(1), event(2, request_model="made-up", response_model="made-up")
    unknown |= {"deployment": "made-up", "attempts": []}
    connection = store.cursor()
    stage(connection, ndjson([known, unknown]))
    priced = price(connection, CardReader(store.cursor(), clock).current())
    with store.transaction(connection):
        ids = keep_sheets(connection, priced.sheets)
        kept = read_sheets(connection, ids)
    assert all(sheet in priced.sheets for sheet in kept.values())
    usual, other = kept[known["event_id"]], kept[unknown["event_id"]]
    assert (usual.model, usual.model_version, usual.region) == (
        "gpt-4o",
        "2024-11-20",
        "swedencentral",
    )
    assert usual.rates["output"].price == Decimal("0.00001")
    assert other.rates == {}
    assert other.reasons["output"] == "unknown_model"


def test_the_same_sheet_is_kept_once(store: Store, clock: FakeClock) -> None:
    """Events that are charged alike share one row, also across batches."""
    connection = store.cursor()
    for numbers in ((1, 2), (3, 4)):
        stage(connection, ndjson([event(number) for number in numbers]))
        priced = price(connection, CardReader(store.cursor(), clock).current())
        with store.transaction(connection):
            keep_sheets(connection, priced.sheets)
    assert store.frame("SELECT count(*) FROM kept_sheets").item() == 1
