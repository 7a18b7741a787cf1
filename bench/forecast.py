"""The forecast of a month's end against the run-rate that spreadsheets use, on made-up spend.

Run-rate is what was spent so far, divided by the time that passed, times the month's length. Prints
the mean absolute error of both in percent of what the month really cost, their ratio, and how often
the month's end lay in the forecast's interval, which should hold four times in five. Every series
has a fixed seed, so the figures are the same at every run.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from analytics.business_days import Period, period_at
from analytics.forecast import LOOK_BACK, forecast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ZONE = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 245
FIRST_MONTH = 5
"""The first month that is forecast: before it lies what a new installation would not have."""
ASKED_ON = (4, 8, 12, 16, 20, 24, 28)
ASKED_AT = 11
WEEKDAYS = (1.0, 1.08, 1.1, 1.05, 0.9, 0.35, 0.28)


@dataclass(frozen=True)
class Series:
    """Spend that some company might have: what a day costs on average, by its number."""

    name: str
    day: Callable[[int, datetime, random.Random], float]
    night: bool = False


def weekdays(_: int, at: datetime, __: random.Random) -> float:
    """Working days and weekends, and nothing else."""
    return 100 * WEEKDAYS[at.weekday()]


def growth(number: int, at: datetime, _: random.Random) -> float:
    """One percent more each day, with weekends."""
    return 30 * math.exp(0.01 * number) * WEEKDAYS[at.weekday()]


def launches(number: int, at: datetime, _: random.Random) -> float:
    """Three products, launched in the middle of a month, each in one step."""
    steps = sum(number >= launch for launch in (104, 165, 196))
    return (60 + 70 * steps) * WEEKDAYS[at.weekday()]


def spikes(_: int, at: datetime, chance: random.Random) -> float:
    """Now and then an experiment that costs several days' worth."""
    return 100 * WEEKDAYS[at.weekday()] * (5 if chance.random() < 0.04 else 1)


def no_weekend(_: int, at: datetime, __: random.Random) -> float:
    """A team that works from Monday to Friday, and whose software rests as well."""
    return 100.0 if at.weekday() < 5 else 0.0


def new_team(number: int, at: datetime, _: random.Random) -> float:
    """A team that begins in the middle of a month and finds its size in six weeks."""
    begun = number - 132
    return 120 * (1 - math.exp(-begun / 14)) * WEEKDAYS[at.weekday()] if begun >= 0 else 0.0


def month_end(_: int, at: datetime, __: random.Random) -> float:
    """Invoices and reports on the last two days and the first of each month."""
    tomorrows = [(at + timedelta(days=ahead)).day for ahead in (1, 2)]
    special = 6.0 if 1 in tomorrows else 3.0 if at.day == 1 else 1.0
    return 60 * (0.6 + 0.4 * WEEKDAYS[at.weekday()]) * special


def shutdown(number: int, at: datetime, _: random.Random) -> float:
    """A batch job as dear as everything else, which is switched off for good."""
    return 80 * WEEKDAYS[at.weekday()] + (80 if number < 171 else 0)


def noise(_: int, __: datetime, chance: random.Random) -> float:
    """Days that have little to do with one another."""
    return 100 * chance.lognormvariate(-0.3, 0.8)


SERIES = (
    Series("weekday pattern", weekdays),
    Series("growth", growth),
    Series("launch steps", launches),
    Series("spikes", spikes),
    Series("no weekends", no_weekend),
    Series("new team", new_team),
    Series("month-end batch", month_end, night=True),
    Series("a job switched off", shutdown),
    Series("noise", noise),
)


def hours_of(series: Series, seed: int) -> dict[datetime, Decimal]:
    """The series by the hour: office hours, or a batch at night, with noise on days and hours."""
    chance = random.Random(f"{series.name} {seed}")  # noqa: S311 - made-up spend
    hours: dict[datetime, Decimal] = {}
    for number in range(DAYS):
        local = (BEGIN + timedelta(days=number, hours=12)).astimezone(ZONE)
        amount = series.day(number, local, chance) * chance.lognormvariate(-0.005, 0.1)
        shape = [
            _busy(hour, night=series.night) * chance.lognormvariate(0, 0.3) for hour in range(24)
        ]
        first = local.replace(hour=0).astimezone(UTC)
        for hour in range(24):
            part = amount * shape[hour] / sum(shape)
            if part:
                hours[first + timedelta(hours=hour)] = Decimal(f"{part:.9f}")
    return hours


def _busy(hour: int, *, night: bool) -> float:
    middle, width = (3, 2.0) if night else (13, 4.2)
    return 0.1 + math.exp(-(((hour - middle) / width) ** 2))


def run_rate(hours: Mapping[datetime, Decimal], now: datetime, month: Period) -> float:
    """What was spent so far, divided by what passed of the month, times its length."""
    spent = sum(amount for hour, amount in hours.items() if month.since <= hour <= now)
    return float(spent) * (month.length / (now - month.since))


def measure(series: Series, seeds: int) -> tuple[list[float], list[float], list[bool]]:
    """Relative errors of both, and whether the interval held, at every moment of asking."""
    ours, naive, held = [], [], []
    for seed in range(seeds):
        hours = hours_of(series, seed)
        for month in range(BEGIN.month + FIRST_MONTH - 3, 11):
            for day in ASKED_ON:
                now = datetime(2026, month, day, ASKED_AT, tzinfo=ZONE).astimezone(UTC)
                period = period_at("monthly", now, ZONE)
                truth = float(
                    sum(one for at, one in hours.items() if period.since <= at < period.until)
                )
                known = {at: one for at, one in hours.items() if now - LOOK_BACK <= at < now}
                told = forecast(known, now=now, since=period.since, until=period.until, zone=ZONE)
                if told is None or not truth:
                    continue
                ours.append(abs(float(told.expected) - truth) / truth)
                naive.append(abs(run_rate(hours, now, period) - truth) / truth)
                held.append(float(told.low) <= truth <= float(told.high))
    return ours, naive, held


def main() -> int:
    """Print one line for each series; exit with 1 when run-rate is better over all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=2, help="How many of each series.")
    seeds = parser.parse_args().seeds
    begun = time.perf_counter()
    all_ours: list[float] = []
    all_naive: list[float] = []
    all_held: list[bool] = []
    print(f"{'series':<20}{'forecast':>10}{'run-rate':>10}{'ratio':>8}{'interval held':>15}")
    for series in SERIES:
        ours, naive, held = measure(series, seeds)
        all_ours += ours
        all_naive += naive
        all_held += held
        print(_line(series.name, ours, naive, held))
    print(_line("all", all_ours, all_naive, all_held))
    each = (time.perf_counter() - begun) / len(all_ours)
    print(f"{len(all_ours)} forecasts, {each * 1e3:.0f} ms each")
    return 0 if sum(all_ours) < sum(all_naive) else 1


def _line(name: str, ours: list[float], naive: list[float], held: list[bool]) -> str:
    mean, other = (sum(one) / len(one) * 100 for one in (ours, naive))
    return (
        f"{name:<20}{mean:>9.1f}%{other:>9.1f}%{mean / other:>8.2f}{sum(held) / len(held):>14.0%}"
    )


if __name__ == "__main__":
    sys.exit(main())
