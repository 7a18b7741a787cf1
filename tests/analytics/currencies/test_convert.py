"""Money in a chosen currency: exact, by the rate of the charge's day, and never guessed."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.currencies import converted, exchange_rates_of
from analytics.errors import QueryError
from analytics.reports import DIMENSIONS, spend, unconverted
from analytics.store import Store
from analytics.types import Filters
from tests.analytics.charged import Charge, charge, exchange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ZONES = ("UTC", "Asia/Tokyo", "America/Los_Angeles", "Asia/Kolkata", "Europe/Berlin")
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
EVER = Filters(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
RATES = ("2026-11-02,EUR,USD,1.0842", "2026-11-03,EUR,USD,1.25")


def cost(store: Store, currency: str, *, zone: str = "UTC") -> Decimal | None:
    """What everything cost."""
    found: Decimal | None = spend(store, EVER, timezone=zone, currency=currency)["cost"].item()
    return found


def test_each_charge_has_the_rate_of_its_day(store: Store, tmp_path: Path) -> None:
    """Yesterday's charge does not move with today's rate."""
    exchange(store, tmp_path, RATES)
    charge(
        store,
        Charge(NOON - timedelta(days=1), Decimal(10), "EUR"),
        Charge(NOON, Decimal(10), "EUR"),
        Charge(NOON, Decimal(1), "USD"),
    )
    assert cost(store, "USD") == Decimal("24.342")
    # 1 USD is 0.80 EUR on the third
    assert cost(store, "EUR") == Decimal("20.8")


def test_the_day_is_the_business_s(store: Store, tmp_path: Path) -> None:
    """20:00 UTC of the second is the third in Tokyo, where a new rate holds."""
    exchange(store, tmp_path, RATES)
    charge(store, Charge(NOON - timedelta(hours=16), Decimal(10), "EUR"))
    assert cost(store, "USD", zone="UTC") == Decimal("10.842")
    assert cost(store, "USD", zone="Asia/Tokyo") == Decimal("12.5")


def test_every_digit_is_kept(store: Store, tmp_path: Path) -> None:
    """Eighteen decimals times eight are twenty-six, and all of them are in the sum."""
    exchange(store, tmp_path, ["2026-01-01,EUR,USD,1.00000001"])
    charge(store, *[Charge(NOON, Decimal("0.000000000000000001"), "EUR")] * 3)
    assert cost(store, "USD") == Decimal("0.00000000000000000300000003")


def test_what_has_no_rate_is_left_out_counted_and_told(store: Store, tmp_path: Path) -> None:
    """A missing rate is no zero: the row says so, and which day lacks it."""
    file = exchange(store, tmp_path, RATES)
    charge(
        store,
        Charge(NOON - timedelta(days=2), Decimal("4.20"), "EUR", requests=3),
        Charge(NOON - timedelta(days=2), Decimal(2), "SEK", team="sales"),
        Charge(NOON - timedelta(days=3), Decimal(5), "SEK", team="sales", requests=2),
        Charge(NOON, Decimal(1), "EUR"),
    )
    rows = spend(store, EVER, ["team"], currency="USD").rows(named=True)
    assert [(row["team"], row["cost"], row["unconverted_charges"]) for row in rows] == [
        ("search", Decimal("1.25"), 3),
        ("sales", None, 3),
    ]
    assert {row["currency"] for row in rows} == {"USD"}
    euros, crowns = (one.told("USD", file) for one in unconverted(store, EVER, currency="USD"))
    assert euros == (
        f"3 charges in EUR (4.2 EUR) have no exchange rate to USD for 2026-11-01: add it to {file}"
    )
    assert crowns == (
        "3 charges in SEK (7 SEK) have no exchange rate to USD for 2 days from 2026-10-31 to "
        f"2026-11-01: add it to {file}"
    )


def test_free_usage_is_no_total_of_what_has_no_rate(store: Store) -> None:
    """A row that lacks all of its money has no cost, not a cost of what was free."""
    charge(
        store,
        Charge(NOON, Decimal(3), "USD", team="paying"),
        Charge(NOON, Decimal(0), "USD", team="paying"),
        Charge(NOON, Decimal(5), "JPY", team="both"),
        Charge(NOON, Decimal(1), "USD", team="both"),
    )
    rows = spend(store, EVER, ["team"], currency="JPY").rows(named=True)
    assert {row["team"]: (row["cost"], row["unconverted_charges"]) for row in rows} == {
        "paying": (None, 1),
        "both": (5, 1),
    }
    (whole,) = spend(store, replace(EVER, team="paying"), currency="JPY").rows(named=True)
    assert (whole["cost"], whole["unconverted_charges"]) == (None, 1)


def test_one_charge_without_a_rate_and_without_a_file_is_told_too(store: Store) -> None:
    """Before there is a file, the sentence names the setting; no money is added up wrongly."""
    charge(store, Charge(NOON, Decimal(3), "EUR", requests=0), Charge(NOON, Decimal(2), "USD"))
    assert cost(store, "USD") == 2
    (missing,) = unconverted(store, EVER)
    assert missing.told("USD") == (
        "1 charge in EUR (3 EUR) has no exchange rate to USD for 2026-11-03: "
        "set exchange_rates_file"
    )


def test_what_was_taken_back_lacks_no_rate(store: Store, tmp_path: Path) -> None:
    """A correction takes back what it corrects, also where it could not be converted."""
    exchange(store, tmp_path, RATES)
    early = NOON - timedelta(days=9)
    charge(
        store,
        Charge(early, Decimal(3), "EUR"),
        Charge(early, Decimal(-3), "EUR", requests=-1),
    )
    assert unconverted(store, EVER) == []
    assert spend(store, EVER, ["team"])["unconverted_charges"].to_list() == []


def test_unpriced_is_not_unconverted(store: Store, tmp_path: Path) -> None:
    """What has no price has nothing that could be converted."""
    exchange(store, tmp_path, RATES)
    charge(store, Charge(NOON, None, "EUR", requests=2), Charge(NOON, Decimal(0), "SEK"))
    (row,) = spend(store, EVER, ["meter"], currency="USD").rows(named=True)
    assert (row["unpriced_requests"], row["unconverted_charges"]) == (2, 0)
    assert row["cost"] == 0


def test_money_of_the_chosen_currency_is_not_touched(store: Store, tmp_path: Path) -> None:
    """Where everything was charged in it, no rate is looked at and digits are as stored."""
    exchange(store, tmp_path, RATES)
    charge(store, Charge(NOON, Decimal("0.123456789012345678")))
    money = converted(store, "charges", EVER.since, EVER.until, currency="USD", timezone="UTC")
    assert "JOIN" not in money.rows
    assert dict(money.parameters) == {"money_currency": "USD"}
    frame = spend(store, EVER)
    assert str(frame.schema["cost"]) == "Decimal(precision=38, scale=18)"
    assert frame["cost"].item() == Decimal("0.123456789012345678")


def test_a_row_tells_how_it_was_converted(store: Store, tmp_path: Path) -> None:
    """Exports name the charged money, the rate, and the money in the chosen currency."""
    exchange(store, tmp_path, RATES)
    charge(store, Charge(NOON, Decimal(8), "EUR"), Charge(NOON, Decimal(3), "USD"))
    money = converted(store, "charges", EVER.since, EVER.until, currency="USD", timezone="UTC")
    rows = store.frame(
        "SELECT charged_cost, charged_currency, exchange_rate, cost, currency, unconverted "  # noqa: S608 - our own
        f"FROM {money.rows} ORDER BY cost",
        money.parameters,
    ).rows()
    assert rows == [
        (Decimal(3), "USD", Decimal(1), Decimal(3), "USD", 0),
        (Decimal(8), "EUR", Decimal("1.25"), Decimal(10), "USD", 0),
    ]


@pytest.mark.parametrize("amounts", [["999999999999"], ["500000000000"] * 2, ["400000000000"] * 6])
def test_money_that_outgrows_its_digits_is_refused(
    store: Store, tmp_path: Path, amounts: list[str]
) -> None:
    """One row or a sum of 10^12 and more is an error that says so, not another number."""
    exchange(store, tmp_path, ["2026-01-01,USD,VND,1.00000001"])
    charge(store, *[Charge(NOON, Decimal(amount), team=amount) for amount in amounts])
    with pytest.raises(QueryError, match=r"10\^12"):
        spend(store, EVER, currency="VND")


# The property below asks one store again and again: a year of charges in four currencies.
RNG = random.Random(11)  # noqa: S311 - made-up charges
CHARGES = [
    Charge(
        datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=RNG.randrange(365 * 24)),
        Decimal(RNG.randrange(-(10**15), 10**20)).scaleb(-18),
        RNG.choice(("USD", "USD", "EUR", "GBP", "JPY")),
        RNG.choice(("search", "sales", "legal")),
        RNG.choice(("gpt-4o", "o4-mini")),
    )
    for _ in range(400)
]
DAILY = [
    f"{date(2025, 12, 1) + timedelta(days=day)},EUR,{code},{RNG.randrange(10**7, 10**10)}e-8"
    for code in ("USD", "GBP", "JPY")
    for day in range(0, 400, RNG.randrange(1, 4))
]


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The store with all of them; not to be written to."""
    folder = tmp_path_factory.mktemp("year")
    with Store.open(str(folder / "store")) as store:
        exchange(store, folder, DAILY)
        charge(store, *CHARGES)
        yield store


def by_hand(store: Store, currency: str, zone: str) -> Mapping[date, Decimal]:
    """By business day, what was charged, in exact decimal arithmetic."""
    rates, days = exchange_rates_of(store), dict[date, Decimal]()
    for one in CHARGES:
        day = one.hour.astimezone(ZoneInfo(zone)).date()
        known = rates.at(day, one.currency, currency)
        rate = Decimal(1) if one.currency == currency else known[0] if known else None
        assert rate is not None
        assert one.cost is not None
        days[day] = days.get(day, Decimal(0)) + one.cost * rate
    return days


@settings(max_examples=10, deadline=None)
@given(
    by=st.lists(st.sampled_from(DIMENSIONS), max_size=3, unique=True),
    zone=st.sampled_from(ZONES),
    currency=st.sampled_from(("USD", "EUR", "GBP", "JPY")),
)
def test_every_breakdown_adds_up_to_the_total(
    year: Store, by: list[str], zone: str, currency: str
) -> None:
    """To the last of 26 digits, whatever it is split by, in any currency and time zone."""
    rows = spend(year, EVER, by, timezone=zone, currency=currency)
    with localcontext(prec=60):
        parts = sum(rows["cost"], Decimal(0))
        assert parts == sum(by_hand(year, currency, zone).values())
    assert rows["unconverted_charges"].sum() == 0


@pytest.mark.parametrize("zone", ZONES)
def test_days_and_months_are_cut_at_the_business_s_midnight(year: Store, zone: str) -> None:
    """Each day has exactly its charges, through both changes of the clocks and every month's end.

    Charges of whole UTC hours, so that in Kolkata too each hour is in the day it began in.
    """
    with localcontext(prec=60):
        expected = by_hand(year, "EUR", zone)
        days = spend(year, EVER, ["day"], timezone=zone, currency="EUR")
        assert dict(days.select("day", "cost").iter_rows()) == expected
        months: dict[str, Decimal] = {}
        for day, amount in expected.items():
            months[f"{day:%Y-%m}"] = months.get(f"{day:%Y-%m}", Decimal(0)) + amount
        found = spend(year, EVER, ["month"], timezone=zone, currency="EUR")
        assert dict(found.select("month", "cost").iter_rows()) == months
        assert found["month"].to_list() == sorted(months)


def test_the_total_does_not_depend_on_the_zone_where_nothing_is_converted(store: Store) -> None:
    """Days move, money does not: every zone's days add up to the same."""
    charge(store, *(Charge(one.hour, one.cost) for one in CHARGES))
    wanted = sum(one.cost or 0 for one in CHARGES)
    for zone in ZONES:
        for by in (["day"], ["month"], ["hour"], []):
            assert sum(spend(store, EVER, by, timezone=zone)["cost"]) == wanted


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/Los_Angeles", date(2026, 3, 8), 23),
        ("America/Los_Angeles", date(2026, 11, 1), 25),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Asia/Kolkata", date(2026, 3, 29), 24),
        ("Asia/Tokyo", date(2026, 11, 1), 24),
    ],
)
def test_a_day_has_as_many_hours_as_its_clocks(
    store: Store, zone: str, day: date, hours: int
) -> None:
    """When the clocks change, a day has 23 or 25 hours of money, and no hour is in two days."""
    first = datetime.combine(day, datetime.min.time(), UTC) - timedelta(days=2)
    charge(store, *(Charge(first + timedelta(hours=hour), Decimal(1)) for hour in range(24 * 5)))
    found = dict(spend(store, EVER, ["day"], timezone=zone).select("day", "cost").iter_rows())
    assert found[day] == hours
    assert sum(found.values()) == 24 * 5


def test_a_zone_that_is_off_by_half_an_hour_is_cut_half_an_hour_late(store: Store) -> None:
    """Midnight in Kolkata is 18:30 UTC: the hour of 18:00 stays with the day it began in."""
    eve = datetime(2026, 10, 31, 18, tzinfo=UTC)
    charge(store, Charge(eve, Decimal(1)), Charge(eve + timedelta(hours=1), Decimal(2)))
    months = spend(store, EVER, ["month"], timezone="Asia/Kolkata")
    assert dict(months.select("month", "cost").iter_rows()) == {"2026-10": 1, "2026-11": 2}
