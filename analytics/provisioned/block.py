"""A block: provisioned throughput that was bought, for a time, for some deployments.

Its price is one for each PTU and hour, or that of a reservation. A reservation's months and years
are those of the calendar, counted from its first day; a block that began on the 31st goes on on the
last day of a shorter month.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class Block:
    """One period of a block, as table `provisioned_blocks` keeps it. Times are aware, in UTC."""

    block: str
    valid_from: datetime
    valid_to: datetime | None
    deployments: tuple[str, ...]
    backend: str | None
    region: str | None
    model: str
    compared_with: str
    """Pay-as-you-go type of the same reach: `global`, `data_zone` or `regional`."""
    ptus: int
    price_per_ptu_hour: Decimal | None
    reservation_price: Decimal | None
    """Of all PTUs, for one term."""
    reservation_months: int | None
    currency: str
    input_tokens_per_minute_per_ptu: int | None
    output_weight: Decimal

    @property
    def identity(self) -> tuple[str, datetime]:
        """What makes it the same period in another version of the settings."""
        return self.block, self.valid_from

    def ends_within(self, now: datetime) -> datetime:
        """When it ends if nobody wants it any more: now, or when what is paid for is over."""
        if self.reservation_months is None:
            return max(self.valid_from, now)
        return end_of_term(self.valid_from, self.reservation_months, now)


def end_of_term(anchor: datetime, months: int, at: datetime) -> datetime:
    """The first end of a term of `months`, counted from `anchor`, that is not before `at`."""
    end, terms = anchor, 0
    while end < at:
        terms += 1
        end = add_months(anchor, terms * months)
    return end


def add_months(start: datetime, months: int) -> datetime:
    """The same day of a later month, or that month's last."""
    year, month = divmod(start.year * _MONTHS + start.month - 1 + months, _MONTHS)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)


def block_of(row: Mapping[str, object]) -> Block:
    """A block from a row whose times are microseconds since 1970."""
    values = dict(row)
    for name in ("valid_from", "valid_to"):
        at = values[name]
        values[name] = _EPOCH + timedelta(microseconds=at) if isinstance(at, int) else None
    deployments = values["deployments"]
    assert isinstance(deployments, list)  # noqa: S101 - for the type checker; the column is a list
    return Block(**{**values, "deployments": tuple(deployments)})  # type: ignore[arg-type]  # a row
