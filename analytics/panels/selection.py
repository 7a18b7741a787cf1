"""What a page looks at, and how a question about it is put to the store.

A question is a file of SQL after a source (rollup or events) and the choice of rows; every value
travels as a named parameter.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from typing import TYPE_CHECKING, Final

import duckdb

from analytics.currencies.convert import checked, converted, too_large
from analytics.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import polars as pl

    from analytics.currencies.convert import Converted
    from analytics.store import Store

BY: Final = ("key", "team", "backend", "model", "deployment", "deployment_type", "operation")
"""What spend and traffic can be split by."""
_CHARGED_IN: Final = {
    "spend_hourly": "charges",
    "charges_hourly": "charges",
    "spend_events": "events",
}
"""Where the sources of money have it from."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A span of time (aware, half open) and the names picked in it; none picked means all.

    From rollups an hour belongs to the span in which it begins. `from_events` asks the events and
    attempts themselves: to the microsecond, for spans of a few hours.
    """

    since: datetime
    until: datetime
    keys: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    timezone: str = "UTC"
    currency: str = "USD"
    """What money is shown in."""
    from_events: bool = False

    def parameters(self, by: str = "key") -> dict[str, object]:
        """The selection as named parameters, split by one of `BY`.

        Raises:
            QueryError: nothing can be split by that.
        """
        if by not in BY:
            raise QueryError(f"cannot split by {by!r}, only by one of {', '.join(BY)}")
        return {
            "by": by,
            "since": self.since,
            "until": self.until,
            "zone": self.timezone,
            "keys": list(self.keys),
            "teams": list(self.teams),
            "backends": list(self.backends),
            "models": list(self.models),
        }


def ask_selection(
    store: Store,
    source: str,
    question: str,
    selection: Selection,
    *,
    by: str = "key",
    width: timedelta | None = None,
    **more: object,
) -> pl.DataFrame:
    """The answer to `question` about the rows of `source` that `selection` chooses."""
    text = " ".join(("WITH", sql(source), ",", sql("chosen"), sql(question)))
    return ask(store, text, {**selection.parameters(by), "width": width, **more})


def ask_money(
    store: Store,
    source: str,
    question: str,
    selection: Selection,
    *,
    by: str = "key",
    width: timedelta | None = None,
    **more: object,
) -> pl.DataFrame:
    """The answer to a question, as SQL, about a source of money.

    Such a source reads `charged`: a table of charges in the chosen currency.

    Raises:
        QueryError: the store cannot answer, or the sums are too large.
    """
    money = converted(
        store,
        _CHARGED_IN[source],
        selection.since,
        selection.until,
        currency=selection.currency,
        timezone=selection.timezone,
    )
    bought = converted_provisioned(store, selection) if source == "spend_events" else None
    tables = f"charged AS {money.rows}" + (f", provisioned AS {bought.rows}" if bought else "")
    text = f"WITH {tables}, {sql(source)}, {sql('chosen')} {question}"
    values = {**selection.parameters(by), "width": width, **more, **money.parameters}
    if bought:
        values |= bought.parameters
    try:
        return checked(ask(store, text, values))
    except QueryError as error:
        if isinstance(error.__cause__, duckdb.OutOfRangeException):
            raise too_large() from error
        raise


def converted_provisioned(store: Store, selection: Selection) -> Converted:
    """Provisioned throughput in the chosen currency, with the hour that reaches into the span."""
    return converted(
        store,
        "provisioned_hourly",
        selection.since - timedelta(hours=1),
        selection.until,
        currency=selection.currency,
        timezone=selection.timezone,
        name="bought",
    )


def ask(store: Store, text: str, parameters: Mapping[str, object]) -> pl.DataFrame:
    """The answer to one of our own questions; parameters that it does not name are left out.

    Raises:
        QueryError: the store cannot answer; one line.
    """
    try:
        return store.ask(text, parameters)
    except duckdb.Error as error:
        raise QueryError(f"the store cannot answer: {str(error).splitlines()[0]}") from error


@functools.cache
def sql(name: str) -> str:
    """The text of a file of SQL in this package."""
    return resources.files("analytics.panels.sql").joinpath(f"{name}.sql").read_text("utf-8")
