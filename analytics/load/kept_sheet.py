"""By which rates an event is charged: what was asked of the rate card, and what it answered.

For events made of halves the sheets are kept in the store, so that their charges can be taken back
exactly: prices and settings may have changed since, and what is taken back must be what was added.
A run that prices history anew rewrites the kept sheets together with the charges.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Self

from analytics.ratecard.card import tier_name
from analytics.ratecard.rate import Use

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from analytics.ratecard.card import RateCard
    from analytics.ratecard.rate import Meter, Sheet

ASKED: Final = (
    "request_model", "response_model", "service_tier", "context_tier", "image_size",
    "image_quality", "stated_type", "stated_region",
)  # fmt: skip
"""The columns of a charge that tell, with its day, backend and deployment, what was asked."""
TAKEN_FOR: Final = ("model", "model_version", "deployment_type", "region", "currency")
"""The columns of a charge that tell what the rate card took it for."""


@dataclass(frozen=True, slots=True)
class KeptRate:
    """The part of a rate that charges name."""

    rate_id: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class KeptSheet:
    """A use, and the part of its sheet that charges are made of."""

    use: Use
    model: str | None
    model_version: str | None
    deployment_type: str | None
    region: str | None
    currency: str
    rates: Mapping[Meter, KeptRate] = field(default_factory=dict)
    reasons: Mapping[Meter, str] = field(default_factory=dict)

    @classmethod
    def of(cls, use: Use, sheet: Sheet) -> Self:
        """What the rate card answered to a use."""
        rates = {meter: KeptRate(rate.rate_id, rate.price) for meter, rate in sheet.rates.items()}
        taken_for = {name: getattr(sheet, name) for name in TAKEN_FOR}
        return cls(use=use, **taken_for, rates=rates, reasons=sheet.reasons)

    @property
    def asked(self) -> dict[str, str | None]:
        """The use as the columns `ASKED` of a charge."""
        return {
            "request_model": self.use.request_model,
            "response_model": self.use.response_model,
            "service_tier": tier_name(self.use.service_tier),
            "context_tier": "long" if self.use.long_context else "standard",
            "image_size": self.use.image_size,
            "image_quality": self.use.image_quality,
            "stated_type": self.use.deployment_type,
            "stated_region": self.use.region,
        }


def keep_sheets(
    connection: duckdb.DuckDBPyConnection, sheets: Sequence[KeptSheet]
) -> dict[str, str]:
    """Keep those of `sheets` that `facts` is charged by; their ids in the store, by event id."""
    rows = connection.execute("SELECT event_id, sheet_id FROM facts").fetchall()
    kept = {number: _keep(connection, sheets[number]) for number in {row[1] for row in rows}}
    return {event_id: kept[number] for event_id, number in rows}


def read_sheets(
    connection: duckdb.DuckDBPyConnection, ids: Mapping[str, str]
) -> dict[str, KeptSheet]:
    """The kept sheets of some events by event id, of which `ids` tells the sheets' ids."""
    rows = connection.execute(
        "SELECT sheet_id, asked, sheet FROM usage.kept_sheets "
        "WHERE sheet_id IN (SELECT unnest($1::VARCHAR[]))",
        [list(set(ids.values()))],
    ).fetchall()
    kept = {row[0]: _read(row[1], row[2]) for row in rows}
    return {event_id: kept[sheet_id] for event_id, sheet_id in ids.items()}


def rewrite_sheets(
    connection: duckdb.DuckDBPyConnection, since: datetime, until: datetime, card: RateCard
) -> None:
    """Let the kept sheets of whole UTC days say what the rate card says now."""
    rows = connection.execute(
        "SELECT sheet_id, asked, sheet FROM usage.kept_sheets WHERE day >= ? AND day < ?",
        [since.date(), until.date()],
    ).fetchall()
    for sheet_id, asked, before in rows:
        use = _read_use(asked)
        after = _write_sheet(KeptSheet.of(use, card.sheet(use)))
        if after != before:
            connection.execute(
                "UPDATE usage.kept_sheets SET sheet = ? WHERE sheet_id = ?", [after, sheet_id]
            )


def _keep(connection: duckdb.DuckDBPyConnection, sheet: KeptSheet) -> str:
    # Found by what it says and not by a name made of that: a run may have rewritten an older one.
    row = [sheet.use.at.date(), _write_use(sheet.use), _write_sheet(sheet)]
    known = connection.execute(
        "SELECT sheet_id FROM usage.kept_sheets WHERE day = ? AND asked = ? AND sheet = ?", row
    ).fetchall()
    if known:
        return str(known[0][0])
    sheet_id = uuid.uuid4().hex
    connection.execute("INSERT INTO usage.kept_sheets VALUES (?, ?, ?, ?)", [sheet_id, *row])
    return sheet_id


def _write_use(use: Use) -> str:
    return json.dumps({**asdict(use), "at": use.at.isoformat()})


def _read_use(text: str) -> Use:
    values = json.loads(text)
    return Use(**{**values, "at": datetime.fromisoformat(values["at"])})


def _write_sheet(sheet: KeptSheet) -> str:
    rates = {meter: [rate.rate_id, str(rate.price)] for meter, rate in sheet.rates.items()}
    taken_for = {name: getattr(sheet, name) for name in TAKEN_FOR}
    return json.dumps([taken_for, rates, dict(sheet.reasons)])


def _read(asked: str, text: str) -> KeptSheet:
    taken_for, rates, reasons = json.loads(text)
    kept = {meter: KeptRate(name, Decimal(price)) for meter, (name, price) in rates.items()}
    return KeptSheet(use=_read_use(asked), **taken_for, rates=kept, reasons=reasons)
