"""The page about currencies shows what works."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from analytics.currencies import read_exchange_rates, renew_exchange_rates
from analytics.query import read_only_query
from analytics.reports import spend
from analytics.store import Store
from analytics.types import Filters
from tests.analytics.charged import Charge, charge
from tests.analytics.samples import FakeClock

PAGE = (Path(__file__).parents[3] / "docs" / "currencies.md").read_text()


def test_its_files_can_be_used_and_its_sql_agrees_with_the_report(
    store: Store, tmp_path: Path
) -> None:
    """Whoever pastes the files and the query gets the report's own numbers."""
    files = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    assert len(files) == 2
    for text in files:
        (tmp_path / "rates.csv").write_text(text)
        assert len(read_exchange_rates(tmp_path / "rates.csv")) >= 3
    renew_exchange_rates(store, FakeClock(), file=tmp_path / "rates.csv", currency="EUR")
    noon = datetime(2026, 11, 3, 12, tzinfo=UTC)
    charge(
        store,
        Charge(noon, Decimal(3), "EUR"),
        Charge(noon, Decimal(7), "GBP"),
        # already the third in Berlin
        Charge(noon.replace(day=2, hour=23), Decimal(10), "USD", team="sales"),
    )
    (sql,) = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    asked = read_only_query(store.url, sql)
    whole = Filters(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    told = spend(store, whole, ["team"], timezone="Europe/Berlin", currency="EUR")
    assert dict(asked.select("team", "eur").iter_rows()) == dict(
        told.select("team", "cost").iter_rows()
    )
    assert asked["without_rate"].to_list() == [None, None]
