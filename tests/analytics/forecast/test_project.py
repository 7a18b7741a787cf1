"""Where a period ends, with its interval."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from analytics.business_days import period_at
from analytics.forecast import Forecast, forecast

BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2026, 8, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 12, 10, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hours(*, weekend: float = 0.3, seed: int | None = None) -> dict[datetime, Decimal]:
    """Four months of office hours, with weekends; with a seed, days differ by a tenth."""
    chance = random.Random(seed)  # noqa: S311 - made-up spend
    made: dict[datetime, Decimal] = {}
    for day in range(122):
        factor = 1.0 if seed is None else chance.lognormvariate(-0.005, 0.1)
        for hour in range(24):
            at = BEGIN + timedelta(days=day, hours=hour)
            local = at.astimezone(BERLIN)
            worth = factor * (weekend if local.weekday() >= 5 else 1.0)
            if 8 <= local.hour < 18:
                made[at] = Decimal(f"{worth:.6f}")
    return made


def ask(spent: dict[datetime, Decimal], now: datetime = NOW) -> Forecast:
    """The forecast of the month of `now`, by what was known then."""
    month = period_at("monthly", now, BERLIN)
    known = {hour: one for hour, one in spent.items() if hour < now}
    answer = forecast(known, now=now, since=month.since, until=month.until, zone=BERLIN)
    assert answer is not None
    return answer


def truth(spent: dict[datetime, Decimal], now: datetime = NOW) -> Decimal:
    """What the month came to."""
    month = period_at("monthly", now, BERLIN)
    return sum((one for at, one in spent.items() if month.since <= at < month.until), Decimal(0))


def test_weekdays_that_repeat_are_foreseen() -> None:
    """Where every week is the same, the month's end is known on the twelfth."""
    spent = hours()
    answer = ask(spent)
    assert answer.expected == pytest.approx(truth(spent), rel=Decimal("0.01"))
    assert answer.low <= truth(spent) <= answer.high
    assert answer.high < Decimal("1.1") * answer.low


def test_it_beats_the_run_rate() -> None:
    """It errs by less than two thirds of what spending on at the same pace would err."""
    ours = naive = 0.0
    for seed in range(5):
        spent = hours(seed=seed)
        for day in (3, 6, 9, 13, 17, 23):
            now = datetime(2026, 11, day, 11, tzinfo=UTC)
            month = period_at("monthly", now, BERLIN)
            so_far = sum(one for at, one in spent.items() if month.since <= at < now)
            run_rate = float(so_far) * (month.length / (now - month.since))
            real = float(truth(spent, now))
            ours += abs(float(ask(spent, now).expected) - real)
            naive += abs(run_rate - real)
    assert ours < naive * 2 / 3


def test_the_interval_holds_about_four_times_in_five() -> None:
    """Over many months with noise the end lies inside as often as it says."""
    held = [
        answer.low <= truth(spent, now) <= answer.high
        for seed in range(12)
        for spent in [hours(seed=seed)]
        for now in [NOW + timedelta(days=day) for day in (-6, 0, 9)]
        for answer in [ask(spent, now)]
    ]
    assert 0.6 <= sum(held) / len(held) <= 0.99


def test_what_was_spent_is_exact_and_never_undercut() -> None:
    """Money that is spent keeps all its digits; an interval cannot take it back."""
    spent = hours() | {datetime(2026, 11, 3, 9, tzinfo=UTC): Decimal("0.123456789012345678")}
    at_the_end = datetime(2026, 11, 30, 22, 30, tzinfo=UTC)
    month = period_at("monthly", at_the_end, BERLIN)
    used = sum(one for at, one in spent.items() if month.since <= at < at_the_end)
    answer = ask(spent, at_the_end)
    assert answer.expected == answer.low == answer.high == used


def test_little_history_makes_a_wide_interval() -> None:
    """Three days allow a guess, and the interval says that it is one."""
    spent = {at: one for at, one in hours().items() if at >= datetime(2026, 11, 9, tzinfo=UTC)}
    answer = ask(spent)
    assert answer.high > Decimal("1.5") * answer.low


def test_the_rest_of_a_day_follows_its_hours() -> None:
    """At noon a day of office hours has used less than half; at night it is over."""
    spent = hours()
    for hour, rest in ((11, 6), (21, 0)):
        now = datetime(2026, 11, 11, hour, tzinfo=UTC)
        day = period_at("daily", now, BERLIN)
        known = {at: one for at, one in spent.items() if at < now}
        answer = forecast(known, now=now, since=day.since, until=day.until, zone=BERLIN)
        assert answer is not None
        assert math.isclose(float(answer.expected), 10 - rest + rest, rel_tol=0.03)


def test_without_a_whole_day_there_is_no_forecast() -> None:
    """A store of this morning says nothing about the month."""
    spent = {NOW - 2 * HOUR: Decimal(3)}
    month = period_at("monthly", NOW, BERLIN)
    assert forecast(spent, now=NOW, since=month.since, until=month.until, zone=BERLIN) is None
