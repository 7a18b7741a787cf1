"""How much a usual day costs by now."""

from __future__ import annotations

import pytest

from analytics.forecast.level import level_of


def test_steady_days_stay() -> None:
    """What never changed is expected to stay, without growth and without outliers."""
    level = level_of([5.0] * 40)
    assert level.at(1) == level.at(30) == pytest.approx(5.0)


def test_a_spike_yesterday_is_not_the_new_normal() -> None:
    """One day at ten times the usual moves the level by little."""
    assert level_of([10.0] * 30 + [100.0]).amount == pytest.approx(10.0, rel=0.1)


def test_a_launch_is_believed_after_some_days() -> None:
    """Five days at twice the level are the new level, and no growth that goes on."""
    level = level_of([10.0] * 30 + [20.0] * 5)
    assert level.at(1) > 16
    assert level.at(20) == pytest.approx(level.at(1), rel=0.05)


def test_growth_goes_on_and_fades() -> None:
    """Growth that four weeks show goes on; it is not carried on at full pace for ever."""
    level = level_of([100 * 1.02**day for day in range(40)])
    assert level.growth == pytest.approx(0.0198, abs=0.001)
    assert level.at(10) > 1.1 * level.at(1)
    assert level.at(200) < 1.7 * level.at(1)


def test_outliers_that_come_back_are_counted_on_average() -> None:
    """A day at five times the usual every ten days costs 40 % on top, in the long run."""
    spent = [50.0 if day % 10 == 4 else 10.0 for day in range(50)]
    assert level_of(spent).at(1) == pytest.approx(14.0, rel=0.15)


def test_days_of_nothing_are_no_error() -> None:
    """A job that is switched off ends at zero; logarithms do not get in the way."""
    assert level_of([10.0] * 20 + [0.0] * 10).at(5) < 1.0
    assert level_of([0.0]).at(3) == 0.0
