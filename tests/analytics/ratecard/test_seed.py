"""Seeding: once, quick again, and without losing what charges name."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from analytics.ratecard.seed import seed
from analytics.types import Deployment
from tests.analytics.samples import event, load

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.load import Loader
    from analytics.store import Store
    from tests.analytics.samples import FakeClock

OWN = "[[rates]]\nmodel = 'gpt-4o'\nper_million_tokens = {{ input = {price} }}\n"
FILE_RATES = "SELECT price * 1000000, valid_to FROM rates WHERE source = 'file' ORDER BY price"


def test_a_seeded_store_is_seeded_once(store: Store, clock: FakeClock) -> None:
    """Starting again adds nothing, and does not even write."""
    before = store.frame("SELECT max(snapshot_id) FROM ducklake_snapshots('usage')").item()
    assert seed(store, clock) == 0
    after = store.frame("SELECT max(snapshot_id) FROM ducklake_snapshots('usage')").item()
    assert after == before
    rates = store.frame("SELECT count(*), count(DISTINCT rate_id) FROM rates").row(0)
    assert rates[0] == rates[1] > 1000


def test_models_that_azure_prices_do_not_come_from_the_second_list(store: Store) -> None:
    """OpenAI's list prices stand in only where Azure's are missing, and say so."""
    shared = store.frame(
        "SELECT DISTINCT model FROM rates WHERE source = 'genai-prices' INTERSECT "
        "SELECT model FROM rates WHERE source = 'azure-genai-prices'"
    )
    assert shared.is_empty()
    stand_ins = store.frame("SELECT DISTINCT provider FROM rates WHERE source = 'genai-prices'")
    assert stand_ins.to_series().to_list() == ["openai"]


def test_a_changed_file_ends_the_old_price_and_keeps_it(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """What was charged keeps its rate; what comes now gets the new one; nothing is deleted."""
    file = tmp_path / "rates.toml"
    file.write_text(OWN.format(price=1))
    assert seed(store, clock, file=file) == 1
    load(loader, event(1, input_tokens=1_000_000, cached_input_tokens=None, output_tokens=None))
    file.write_text(OWN.format(price=2))
    clock.advance(minutes=1)
    assert seed(store, clock, file=file) == 1
    clock.advance(minutes=1)
    load(loader, event(2, input_tokens=1_000_000, cached_input_tokens=None, output_tokens=None))
    costs = store.frame("SELECT cost FROM events ORDER BY started_at").to_series().to_list()
    assert costs == [Decimal(1), Decimal(2)]
    explained = store.frame("SELECT count(*) FROM charges_hourly JOIN rates USING (rate_id)").item()
    assert explained == 2
    old, new = store.frame(FILE_RATES).rows()
    assert (old[0], new) == (Decimal(1), (Decimal(2), None))
    assert old[1] is not None


def test_an_entry_taken_out_of_the_file_ends_now_and_may_come_back(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """The lists' price applies again from the day an own price is withdrawn."""
    file = tmp_path / "rates.toml"
    file.write_text(OWN.format(price=1))
    seed(store, clock, file=file)
    assert seed(store, clock) == 0
    assert store.frame(FILE_RATES).rows() == [(Decimal(1), clock.now())]
    clock.advance(hours=1)
    assert seed(store, clock, file=file) == 0
    assert store.frame(FILE_RATES).rows() == [(Decimal(1), None)]


def test_deployments_follow_the_configuration(store: Store, clock: FakeClock) -> None:
    """What the settings say of deployments replaces what they said before."""
    seed(store, clock, deployments=[Deployment("a", "gpt-4o"), Deployment("b", "o3", "2025-04-16")])
    seed(store, clock, deployments=[Deployment("b", "o3", None, "data_zone", "westeurope")])
    query = "SELECT deployment, model, model_version, deployment_type, region FROM deployments"
    assert store.frame(query).rows() == [("b", "o3", None, "data_zone", "westeurope")]


def test_a_newer_price_list_closes_what_it_changes(store: Store, clock: FakeClock) -> None:
    """A list that changed a price ends the old one where the new begins, and keeps the rest."""
    price = "SELECT price, valid_to FROM rates WHERE model = 'gpt-4.1-mini' AND meter = 'input' "
    price += "AND deployment_type = 'global' AND service_tier = 'standard'"
    with store.transaction() as connection:
        connection.execute(
            "UPDATE rates SET price = 9, rate_id = 'old', valid_from = TIMESTAMPTZ '2024-01-01' "
            "WHERE model = 'gpt-4.1-mini' AND meter = 'input' AND deployment_type = 'global' "
            "AND service_tier = 'standard'"
        )
        connection.execute("UPDATE rate_sources SET source_version = '0.0.1'")
    total = store.frame("SELECT count(*) FROM rates").item()
    assert seed(store, clock) == 1
    assert store.frame("SELECT count(*) FROM rates").item() == total + 1
    old, new = store.frame(f"{price} ORDER BY price DESC").rows()
    assert old[0] == 9
    assert str(old[1]) == "2025-04-01 00:00:00+00:00"
    assert new == (Decimal("0.0000004"), None)


def contract(path: Path, percent: float, **fields: str) -> Path:
    """A file with one discount."""
    lines = [f"{name} = {value!r}" for name, value in fields.items()]
    path.write_text("\n".join(["[[discounts]]", "name = 'EA'", f"percent = {percent}", *lines]))
    return path


CONTRACT = """
    SELECT price * 1000000, list_price * 1000000, source_name, valid_to FROM rates
    WHERE source = 'contract' AND deployment_type = 'global' AND service_tier = 'standard'
      AND meter = 'input' AND (valid_to IS NULL OR valid_to > valid_from)
    ORDER BY price
"""


def test_a_contract_is_seeded_renewed_and_ended(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """A changed percentage replaces the old one; a discount taken out ends now; no row is lost."""
    file = contract(tmp_path / "rates.toml", 10, model="gpt-4.1-mini")
    assert seed(store, clock, file=file) > 0
    assert store.frame(CONTRACT).rows() == [(Decimal("0.36"), Decimal("0.4"), "EA: 10 % off", None)]
    assert seed(store, clock, file=file) == 0
    contract(file, 20, model="gpt-4.1-mini")
    seed(store, clock, file=file)
    assert [row[0] for row in store.frame(CONTRACT).rows()] == [Decimal("0.32")]
    rows = store.frame("SELECT count(*) FROM rates WHERE source = 'contract'").item()
    file.write_text("")
    seed(store, clock, file=file)
    assert [row[3] for row in store.frame(CONTRACT).rows()] == [clock.now()]
    after = store.frame("SELECT count(*) FROM rates WHERE source = 'contract'").item()
    assert after == rows


def test_a_discount_for_some_months_ends_with_them(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """Usage of before and after the contract is charged by the list."""
    file = contract(
        tmp_path / "rates.toml", 50, model="gpt-4.1-mini",
        valid_from="2026-11-20", valid_to="2026-11-21",
    )  # fmt: skip
    file.write_text(file.read_text().replace("'2026-11-20'", "2026-11-20"))
    seed(store, clock, file=file)
    usage = {"input_tokens": 1_000_000, "cached_input_tokens": None, "output_tokens": None}
    days = [datetime(2026, 11, day, 12, tzinfo=UTC) for day in (19, 20, 21)]
    load(loader, *(
        event(n, at=day, response_model="gpt-4.1-mini-2025-04-14", **usage)
        for n, day in enumerate(days)
    ))  # fmt: skip
    costs = store.frame("SELECT cost FROM events ORDER BY started_at").to_series().to_list()
    assert costs == [Decimal("0.4"), Decimal("0.2"), Decimal("0.4")]
