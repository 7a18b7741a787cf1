"""What users of other gateways and trackers complain about, each as a test that it cannot happen.

A test's docstring begins with the complaint in our words.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from analytics.ratecard import read_card, seed
from analytics.ratecard.import_prices import import_prices
from analytics.ratecard.price_files import read_price_files
from analytics.ratecard.rate import Use
from analytics.ratecard.retail_prices import read_price_list
from analytics.repricing import reprice
from analytics.types import Deployment
from tests.analytics.ratecard.made_answers import item, page, save
from tests.analytics.samples import attempt, event, load

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.load import Loader
    from analytics.store import Store
    from tests.analytics.samples import FakeClock

MILLION = 1_000_000
NOV_20 = datetime(2026, 11, 20, tzinfo=UTC)


def usage(model: str | None = "gpt-4o-2024-11-20", **fields: Any) -> dict[str, Any]:
    """A million tokens in, nothing else."""
    only_input = {"input_tokens": MILLION, "cached_input_tokens": None, "output_tokens": None}
    return {"response_model": model, "request_model": model, **only_input, **fields}


def costs(store: Store) -> list[Decimal | None]:
    """What each request costs, oldest first."""
    return store.frame("SELECT cost FROM events ORDER BY started_at")["cost"].to_list()


def own_prices(store: Store, clock: FakeClock, path: Path, text: str) -> None:
    """Seed the store with a rates file."""
    file = path / "rates.toml"
    file.write_text(text)
    seed(store, clock, file=file)
    clock.advance(minutes=1)


def test_a_deployments_name_is_not_priced_at_zero(
    loader: Loader, store: Store, clock: FakeClock
) -> None:
    """Whose deployments are not named after models sees spend of zero, and nothing says so.

    Here it is unpriced and visible, and one line of configuration gives it its price.
    """
    alias = usage("team-assistant", deployment="team-assistant")
    alias["attempts"] = [attempt(deployment="team-assistant")]
    load(loader, event(1, **alias))
    assert costs(store) == [None]
    assert store.frame("SELECT reason FROM unpriced_usage").item() == "unknown_model"
    seed(store, clock, deployments=[Deployment("team-assistant", "gpt-4o", "2024-11-20")])
    clock.advance(minutes=1)
    load(loader, event(2, **alias))
    assert costs(store) == [None, Decimal("2.5")]


def test_global_deployments_are_not_priced_as_regional_ones(loader: Loader, store: Store) -> None:
    """A global deployment is charged at the regional price, or the other way round."""
    kinds = {"global": "2.5", "data_zone": "2.75", "regional": "3.025"}
    load(
        loader,
        *(
            event(n, **usage(attempts=[attempt(deployment_type=kind, region="swedencentral")]))
            for n, kind in enumerate(kinds)
        ),
    )
    assert costs(store) == [Decimal(cost) for cost in kinds.values()]


@pytest.mark.parametrize("name", ["azure/gpt-4o-2024-11-20", "openai/gpt-4o-2024-11-20", "GPT-4o"])
def test_a_providers_prefix_does_not_change_the_price(
    loader: Loader, store: Store, name: str
) -> None:
    """The same model under another provider's prefix takes another price, and none overrides it."""
    version = {} if "2024" in name else {"deployment": "chat"}
    load(loader, event(1, **usage(name, **version)))
    assert costs(store) == [Decimal("2.5")]


def test_the_configured_model_is_the_one_that_is_billed(
    loader: Loader, store: Store, clock: FakeClock
) -> None:
    """The base model that was configured for a backend is ignored, and the call is free."""
    seed(store, clock, deployments=[Deployment("chat", "gpt-4.1-mini")])
    clock.advance(minutes=1)
    load(loader, event(1, **usage("my-own-name")))
    assert costs(store) == [Decimal("0.4")]


def test_a_stream_costs_what_the_same_answer_costs_in_one_piece(
    loader: Loader, store: Store
) -> None:
    """A week of streamed calls was recorded with a spend of zero."""
    load(loader, event(1, **usage(stream=True)), event(2, **usage(stream=False)))
    assert costs(store) == [Decimal("2.5"), Decimal("2.5")]
    rollup = store.frame("SELECT sum(cost) FROM spend_hourly").item()
    assert rollup == Decimal(5)


def test_cached_tokens_are_billed_once(loader: Loader, store: Store) -> None:
    """Cached tokens are counted as input and once more as cached."""
    load(loader, event(1, **usage(cached_input_tokens=900_000)))
    meters = dict(store.frame("SELECT meter, quantity FROM spend_hourly").iter_rows())
    assert meters == {"input": 100_000, "cached_input": 900_000}
    assert costs(store) == [Decimal("0.25") + Decimal("1.125")]


def test_cached_tokens_are_never_free(store: Store) -> None:
    """A usage key without a price of its own makes cached tokens cost nothing."""
    card = read_card(store.cursor())
    asked = [
        Use(NOV_20, response_model=model, deployment_type=kind, region="swedencentral")
        for model in {rate.model for rate in card.rates if rate.source.startswith("azure")}
        for kind in ("global", "data_zone", "regional")
    ]
    priced = [sheet for sheet in map(card.sheet, asked) if "input" in sheet.rates]
    assert len(priced) > 100
    assert all(sheet.rates["cached_input"].price > 0 for sheet in priced)


def test_own_prices_of_cached_tokens_are_used(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """A price for cached tokens was configured and ignored."""
    own_prices(
        store, clock, tmp_path,
        "[[rates]]\nmodel = 'gpt-4o'\nper_million_tokens = { input = 2, cached_input = 0.3 }\n",
    )  # fmt: skip
    load(loader, event(1, **usage(cached_input_tokens=MILLION)))
    assert costs(store) == [Decimal("0.3")]


def test_an_own_price_stands_everywhere_alike(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """Custom prices reach the log but not the totals, so that budgets count something else."""
    own_prices(
        store, clock, tmp_path,
        "[[rates]]\nmodel = 'gpt-4o'\nper_million_tokens = { input = 7 }\n",
    )  # fmt: skip
    load(loader, event(1, **usage()), event(2, **usage()))
    sums = [
        store.frame(f"SELECT sum(cost) FROM {view}").item()  # noqa: S608 - our own names
        for view in ("usage_events", "charges", "spend_hourly", "spend_daily")
    ]
    assert sums == [Decimal(14)] * 4


def test_a_price_of_the_past_reaches_what_was_stored_before_it(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """A price that begins in the past leaves the calls of the past without a cost for good."""
    load(loader, event(1, **usage("gpt-99")))
    own_prices(
        store, clock, tmp_path,
        "[[rates]]\nmodel = 'gpt-99'\nvalid_from = 2020-01-01\n"
        "per_million_tokens = { input = 3 }\n",
    )  # fmt: skip
    assert costs(store) == [None]
    reprice(store, clock, since=NOV_20, until=NOV_20 + timedelta(days=1))
    assert costs(store) == [Decimal(3)]


def test_pricing_anew_takes_the_price_of_the_time(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """Recalculating applies today's price to all of history."""
    before, after = NOV_20 - timedelta(days=1), NOV_20 + timedelta(hours=1)
    load(loader, event(1, at=before, **usage()), event(2, at=after, **usage()))
    own_prices(
        store, clock, tmp_path,
        "[[rates]]\nmodel = 'gpt-4o'\nvalid_from = 2026-11-20\n"
        "per_million_tokens = { input = 1 }\n",
    )  # fmt: skip
    reprice(store, clock, since=NOV_20 - timedelta(days=2), until=NOV_20 + timedelta(days=1))
    assert costs(store) == [Decimal("2.5"), Decimal(1)]


def test_a_price_list_is_not_read_a_thousand_times_too_high(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """Prices per thousand tokens were taken for more: 400 dollars in place of 40 cents."""
    listed = item(0.0004, "gpt 4.1 mini Inp glbl", unitOfMeasure="1K")
    file = save(tmp_path / "prices.json", page(listed))
    import_prices(store, clock, read_price_list(read_price_files([file])))
    clock.advance(minutes=1)
    load(loader, event(1, **usage("gpt-4.1-mini-2025-04-14")))
    assert costs(store) == [Decimal("0.4")]
    source = "SELECT DISTINCT r.source FROM charges JOIN rates AS r USING (rate_id)"
    assert store.frame(source).item() == "azure-retail"


def test_a_retired_price_does_not_stand_in_for_a_version_that_costs_less(
    loader: Loader, store: Store
) -> None:
    """Every version of a model is charged at the price of the first one."""
    versions = {"gpt-4o-2024-05-13": "5", "gpt-4o-2024-08-06": "2.5", "gpt-4o-2024-11-20": "2.5"}
    load(loader, *(event(n, **usage(name)) for n, name in enumerate(versions)))
    assert costs(store) == [Decimal(cost) for cost in versions.values()]
