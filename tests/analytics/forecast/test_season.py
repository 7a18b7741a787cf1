"""What a day of the week and of the month is worth."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from analytics.forecast.season import month_days, place_in_month, weekdays

MONDAY = date(2026, 8, 3)
DAY = timedelta(days=1)
WEEK = (1.2, 1.2, 1.2, 1.2, 1.2, 0.6, 0.4)


def days(count: int, *, growth: float = 1.0) -> list[float]:
    """Spend with weekends, which may grow."""
    return [100 * WEEK[number % 7] * growth**number for number in range(count)]


@pytest.mark.parametrize("growth", [1.0, 1.01])
def test_weekends_are_found_also_while_spend_grows(growth: float) -> None:
    """Growth is not taken for a weekday."""
    assert weekdays(MONDAY, days(56, growth=growth)) == pytest.approx(WEEK, abs=0.03)


def test_the_first_day_may_be_any_weekday() -> None:
    """Factors stand at their weekday wherever the history begins."""
    assert weekdays(MONDAY + 3 * DAY, days(40)[3:]) == pytest.approx(WEEK, abs=0.05)


def test_one_wild_day_is_no_pattern() -> None:
    """A spike on one Wednesday does not make Wednesdays dear."""
    spent = days(42)
    spent[16] *= 20
    assert weekdays(MONDAY, spent)[2] == pytest.approx(1.2, abs=0.05)


def test_less_than_a_week_has_no_pattern() -> None:
    """Six days tell nothing about the seventh; nothing at all tells nothing either."""
    assert weekdays(MONDAY, days(6)) == [1.0] * 7
    assert weekdays(MONDAY, [0.0] * 30) == [1.0] * 7


def test_days_of_the_month_are_special_when_two_months_agree() -> None:
    """A batch on the last day is expected again; the first of one month is not."""
    first = date(2026, 7, 1)
    spent = [10.0] * 91
    for day in (30, 61):  # 31 July, 31 August
        spent[day] = 60.0
    spent[31] = 50.0  # 1 August only
    special = month_days(first, spent, [1.0] * 7)
    assert special == {-1: pytest.approx(6.0)}


def test_one_month_end_is_an_accident() -> None:
    """What was seen once is not expected again."""
    spent = [10.0] * 45
    spent[30] = 60.0
    assert month_days(date(2026, 7, 1), spent, [1.0] * 7) == {}


def test_places_are_counted_from_the_nearer_end() -> None:
    """The last three days and the first two have a place, in short months too."""
    places = [place_in_month(date(2026, 2, day)) for day in (1, 2, 3, 25, 26, 27, 28)]
    assert places == [1, 2, None, None, -3, -2, -1]
