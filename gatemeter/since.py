"""Times as people write them: `90m`, `24h`, `30d` ago, or a date; and days."""

from __future__ import annotations

from datetime import UTC, date, datetime

import click

from gatemeter.spans import parse_moment


class Since(click.ParamType[datetime]):
    """An age or an ISO date, as an aware time; a date without a zone is UTC."""

    name = "AGE|DATE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read one."""
        if isinstance(value, datetime):
            return value
        text = str(value)
        try:
            return parse_moment(text, datetime.now(UTC), UTC)
        except ValueError:
            self.fail(f"{text!r} is neither an age such as 24h or 30d nor a date", param, ctx)


class Day(click.ParamType[date]):
    """A calendar day."""

    name = "DATE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """Read one."""
        try:
            return date.fromisoformat(str(value).strip())
        except ValueError:
            self.fail(f"{str(value)!r} is no day: give one such as 2026-11-01", param, ctx)
