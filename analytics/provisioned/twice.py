"""Tokens that were charged although their deployment is a block's: paid by the hour and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from analytics.store import Store

_QUESTION: Final = """
    SELECT b.block, c.deployment, c.backend, c.currency, sum(c.cost) AS cost
    FROM provisioned_blocks AS b JOIN charges_hourly AS c
        ON list_contains(b.deployments, c.deployment)
        AND (b.backend IS NULL OR b.backend = c.backend)
        -- whole hours of the block: in others, requests may have come before or after it
        AND c.hour >= b.valid_from
        AND (b.valid_to IS NULL OR c.hour + INTERVAL 1 HOUR <= b.valid_to)
    WHERE c.hour >= $since AND c.cost IS NOT NULL
    GROUP BY ALL HAVING sum(c.cost) > 0
    ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class ChargedTwice:
    """What a deployment of a block cost by the token while the block was paid for."""

    block: str
    deployment: str
    backend: str | None
    currency: str
    cost: Decimal


def charged_twice(store: Store, since: datetime) -> list[ChargedTwice]:
    """Every deployment of a block that was charged by the token since some time."""
    return [ChargedTwice(*row) for row in store.frame(_QUESTION, {"since": since}).iter_rows()]
