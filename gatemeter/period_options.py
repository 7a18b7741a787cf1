"""The options that name the period of an export: a month, or from and until."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from analytics import AnalyticsError
from analytics.exports.period import Period
from gatemeter.spans import parse_moment

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class PeriodOptions:
    """What was given on the command line."""

    month: str | None
    since: str | None
    until: str | None
    timezone: str | None

    @property
    def given(self) -> bool:
        """Whether they name a period at all."""
        return bool(self.month or self.since or self.until)

    def period(self, default_zone: str) -> Period:
        """The period that they name, from the whole hour in which it begins.

        Raises:
            click.UsageError: they name none, or two.
            click.ClickException: it has not begun yet.
        """
        if (self.month is None) == (self.since is None) or (self.month and self.until):
            raise click.UsageError(
                "give either --month or --since, with --until if it ends before now"
            )
        now = datetime.now(UTC)
        found = self._read(now, self.timezone or default_zone)
        if found.since > now:
            raise click.ClickException(
                f"nothing is there yet: {found.since:%Y-%m-%d %H:%M}Z, when the period begins, is "
                "in the future"
            )
        return found

    def _read(self, now: datetime, timezone: str) -> Period:
        try:
            zone = ZoneInfo(timezone)
            if self.month is not None:
                return Period.month(self.month, timezone)
            start = parse_moment(self.since or "", now, zone)
            end = parse_moment(self.until, now, zone) if self.until else now
        except (ZoneInfoNotFoundError, AnalyticsError, ValueError) as error:
            raise click.UsageError(str(error)) from None
        if end <= start:
            raise click.UsageError("--until must be later than --since")
        return Period(start.replace(minute=0, second=0, microsecond=0), end, timezone)


def period_options(default_zone: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options; the command gets them as `chosen`."""
    options = [
        click.option("--month", metavar="2026-10", help="A calendar month."),
        click.option("--since", help="Instead of a month: 7d, 24h or an ISO time."),
        click.option("--until", help="The same; default: now."),
        click.option("--timezone", help=f"Where days and months begin.  [default: {default_zone}]"),
    ]

    def add(function: Callable[..., None]) -> Callable[..., None]:
        def command(
            *,
            month: str | None,
            since: str | None,
            until: str | None,
            timezone: str | None,
            **others: object,
        ) -> None:
            function(chosen=PeriodOptions(month, since, until, timezone), **others)

        command.__doc__ = function.__doc__
        command.__name__ = function.__name__
        # Options that stand below this one are already on the function.
        command.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined] # where click keeps them
        with_options: Callable[..., None] = command
        for option in reversed(options):
            with_options = option(with_options)
        return with_options

    return add
