"""What an event was charged by can be kept as text and read again."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from analytics.load.kept_sheet import KeptSheet, keep_sheets
from analytics.load.price import price
from analytics.load.stage import stage
from analytics.ratecard.table import CardReader
from tests.analytics.samples import event, ndjson

if TYPE_CHECKING:
    from analytics.store import Store
    from tests.analytics.samples import FakeClock


def test_rates_and_reasons_come_back(store: Store, clock: FakeClock) -> None:
    """Prices to the last digit, and why something had none."""
    connection = store.cursor()
    unknown = event(2, request_model="made-up", response_model="made-up", deployment="made-up")
    unknown["attempts"] = []
    stage(connection, ndjson([event(1), unknown]))
    price(connection, CardReader(store.cursor(), clock).current())
    kept = {name: KeptSheet.parse(text) for name, text in keep_sheets(connection).items()}
    known, other = kept[event(1)["event_id"]], kept[unknown["event_id"]]
    assert (known.model, known.model_version, known.region) == (
        "gpt-4o",
        "2024-11-20",
        "swedencentral",
    )
    assert known.rates["output"].price == Decimal("0.00001")
    assert known.rates["output"].rate_id
    assert other.rates == {}
    assert other.reasons["output"] == "unknown_model"
