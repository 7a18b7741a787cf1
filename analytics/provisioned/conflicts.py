"""Blocks and prices by the token: a deployment must not be charged both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.errors import RateCardError
from analytics.ratecard.models import split_model
from analytics.ratecard.rate import Use

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from analytics.provisioned.block import Block
    from analytics.ratecard.card import RateCard


def refuse_token_prices(card: RateCard, blocks: Iterable[Block]) -> None:
    """Check that what goes through a block's deployments costs nothing by the token.

    Raises:
        RateCardError: a rate of your own charges tokens of type `ptu` while a block charges hours.
    """
    for block in blocks:
        for at in _moments(card, block):
            use = Use(
                at=at,
                response_model=block.model,
                deployment_type="ptu",
                region=block.region,
            )
            priced = [rate for rate in card.sheet(use).rates.values() if rate.price > 0]
            if priced:
                raise RateCardError(
                    f"provisioned block {block.block!r} charges {block.model} by the hour, and "
                    f"from {at:%Y-%m-%d} a rate of source {priced[0].source} ({priced[0].rate_id}) "
                    "charges the same tokens of type ptu: end one where the other begins"
                )


def _moments(card: RateCard, block: Block) -> Iterator[datetime]:
    """When a price may begin to hold within the block's time."""
    if block.valid_to is not None and block.valid_to <= block.valid_from:
        return
    model = split_model(block.model)[0]
    yield block.valid_from
    for at in sorted({rate.valid_from for rate in card.rates if rate.model == model}):
        if block.valid_from < at and (block.valid_to is None or at < block.valid_to):
            yield at
