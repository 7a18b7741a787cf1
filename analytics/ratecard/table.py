"""The rate card as the store keeps it: reading it, and noticing when it has changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from analytics.ratecard.card import RateCard
from analytics.ratecard.deployment_table import read_deployments
from analytics.ratecard.rate import Rate

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from analytics.types import Clock

_FRESH_FOR: Final = timedelta(seconds=30)
_READ_RATES: Final = """
    SELECT * REPLACE (epoch_us(valid_from) AS valid_from, epoch_us(valid_to) AS valid_to)
    FROM usage.rates
"""


def read_rates(connection: duckdb.DuckDBPyConnection) -> list[Rate]:
    """The rates of the store, past ones too."""
    return [_rate(row) for row in connection.execute(_READ_RATES).to_arrow_table().to_pylist()]


def read_card(connection: duckdb.DuckDBPyConnection) -> RateCard:
    """The rates and deployments of the store."""
    return RateCard(read_rates(connection), read_deployments(connection))


class CardReader:
    """Keeps the card at hand and reads it again once in a while."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._card: RateCard | None = None
        self._read_at = datetime.min.replace(tzinfo=UTC)

    def current(self) -> RateCard:
        """The card, at most half a minute old."""
        now = self._clock.now()
        if self._card is None or now - self._read_at > _FRESH_FOR:
            self._card, self._read_at = read_card(self._connection), now
        return self._card


def _rate(row: Mapping[str, Any]) -> Rate:
    values = {name: value for name, value in row.items() if name != "unit"}
    for name in ("valid_from", "valid_to"):
        at = values[name]
        values[name] = None if at is None else _EPOCH + timedelta(microseconds=at)
    return Rate(**values)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
