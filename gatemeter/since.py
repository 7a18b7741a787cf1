"""A point in the past as people write it: `90m`, `24h`, `30d`, or a date."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

_AGE = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


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
        age = _AGE.fullmatch(text)
        try:
            if age is not None:
                return datetime.now(UTC) - timedelta(**{_UNITS[age[2]]: int(age[1])})
            at = datetime.fromisoformat(text)
        except (ValueError, OverflowError):
            self.fail(f"{text!r} is neither an age such as 24h or 30d nor a date", param, ctx)
        return at if at.tzinfo else at.replace(tzinfo=UTC)
