"""Gaps: unpriced usage is found, explained, and mended by what is suggested."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from analytics.ratecard.gaps import Gap, find_gaps, what_to_write
from analytics.ratecard.rates_file import read_rates_file
from analytics.ratecard.seed import seed
from analytics.ratecard.table import read_card
from analytics.types import Deployment
from tests.analytics.samples import MORNING, attempt, event, load

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.load import Loader
    from analytics.store import Store
    from tests.analytics.samples import FakeClock

UNKNOWN: dict[str, Any] = {"response_model": "gpt-99", "cached_input_tokens": None}
NO_REGION: dict[str, Any] = {"attempts": [attempt(deployment_type="regional", region=None)]}
SILENT: dict[str, Any] = {
    "usage_source": "none", "input_tokens": None, "cached_input_tokens": None,
    "output_tokens": None,
}  # fmt: skip


def gaps(store: Store, **options: Any) -> list[Gap]:
    """The gaps of a store."""
    return find_gaps(store, read_card(store.cursor()), **options)


def test_a_gap_tells_what_how_much_since_when_and_why(loader: Loader, store: Store) -> None:
    """Who looks for missing money finds all of it in one place."""
    load(loader, event(1, **UNKNOWN), event(2, at=MORNING + timedelta(hours=2), **UNKNOWN))
    load(loader, event(3))
    found = {gap.meter: gap for gap in gaps(store)}
    assert set(found) == {"input", "output"}
    gap = found["input"]
    assert (gap.reason, gap.model, gap.deployment) == ("unknown_model", "gpt-99", "chat")
    assert (gap.requests, gap.quantity) == (2, Decimal(2000))
    assert gap.last_hour - gap.first_hour == timedelta(hours=2)
    assert gaps(store, since=MORNING + timedelta(hours=3)) == []


@pytest.mark.parametrize(
    ("fields", "place", "text"),
    [
        (UNKNOWN, "rates_file",
         ('[[rates]]\nmodel = "gpt-99"\ndeployment_type = "global"\n'
         'per_million_tokens = { input = "?", output = "?" }\n')),
        (UNKNOWN | {"response_model": "chat"}, "settings",
         '[deployments."chat"]\nmodel = ?  # such as "gpt-4o"\n'),
        (UNKNOWN | {"response_model": None, "request_model": None, "deployment": None,
                    "attempts": [attempt(deployment=None)]}, "settings",
         '[backends."HOST"]  # each that has none\nregion = ?  # such as "swedencentral"\n'),
        (NO_REGION, "settings",
         '[deployments."chat"]\nmodel = "gpt-4o"\nregion = ?  # such as "swedencentral"\n'),
        ({"attempts": [attempt(deployment_type="regional", region="mexicocentral")]}, "rates_file",
         ('[[rates]]\nmodel = "gpt-4o"\nversion = "2024-11-20"\ndeployment_type = "regional"\n'
         'region = "mexicocentral"\n'
         'per_million_tokens = { cached_input = "?", input = "?", output = "?" }\n')),
        ({"service_tier": "express", "output_tokens": None, "cached_input_tokens": None},
         "rates_file",
         ('[[rates]]\nmodel = "gpt-4o"\nversion = "2024-11-20"\ndeployment_type = "global"\n'
         'service_tier = "express"\nper_million_tokens = { input = "?" }\n')),
    ],
    ids=["model", "alias", "nothing", "region", "place", "tier"],
)  # fmt: skip
def test_each_reason_has_its_remedy(
    loader: Loader, store: Store, fields: dict[str, Any], place: Any, text: str
) -> None:
    """What to write, and into which file, follows from why there is no price."""
    load(loader, event(1, **fields))
    found = gaps(store)
    assert {gap.mend_in for gap in found} == {place}
    assert what_to_write(found, place) == [text]


def test_nothing_mends_usage_that_nobody_knows(loader: Loader, store: Store) -> None:
    """A price does not help where the tokens are missing."""
    load(loader, event(1, **SILENT))
    (gap,) = gaps(store)
    assert (gap.reason, gap.mend_in) == ("usage_unknown", "nowhere")


def test_what_is_written_mends_the_gap(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """The entry is refused while a ? stands in it, and closes the gap when it is filled in."""
    load(loader, event(1, **UNKNOWN))
    (entry,) = what_to_write(gaps(store), "rates_file")
    file = tmp_path / "rates.toml"
    file.write_text(entry)
    with pytest.raises(Exception, match=r"number 1, per_million_tokens"):
        read_rates_file(file)
    file.write_text(entry.replace('"?"', "1.5"))
    seed(store, clock, file=file)
    assert {gap.mend_in for gap in gaps(store)} == {"reprice"}


def test_a_configured_deployment_mends_the_gap(
    loader: Loader, store: Store, clock: FakeClock
) -> None:
    """An alias that was given its model has a price, once history is priced anew."""
    load(loader, event(1, **UNKNOWN | {"response_model": "chat"}))
    (entry,) = what_to_write(gaps(store), "settings")
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads(entry)
    assert tomllib.loads(entry.replace("?", '"gpt-4o"', 1))["deployments"]["chat"]
    seed(store, clock, deployments=[Deployment("chat", "gpt-4o", "2024-11-20")])
    assert {gap.mend_in for gap in gaps(store)} == {"reprice"}


def test_mixed_currencies_ask_for_the_missing_price_in_the_right_one(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """A file in euros that forgot the output is told so, with the currency."""
    file = tmp_path / "rates.toml"
    file.write_text(
        "currency = 'EUR'\n[[rates]]\nmodel = 'gpt-4o'\n"
        "per_million_tokens = { input = 2, cached_input = 1 }\n"
    )
    seed(store, clock, file=file)
    load(loader, event(1))
    (gap,) = gaps(store)
    assert (gap.meter, gap.reason) == ("output", "mixed_currencies")
    (entry,) = what_to_write([gap], "rates_file")
    assert 'currency = "EUR"\n' in entry
