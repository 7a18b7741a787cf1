"""Provisioned throughput: what was bought, what of it was used, and whether less would do."""

from analytics.provisioned.block import Block, end_of_term
from analytics.provisioned.capacity import CAPACITIES, Capacity, capacity_of
from analytics.provisioned.conflicts import refuse_token_prices
from analytics.provisioned.seed import seed_blocks
from analytics.provisioned.twice import ChargedTwice, charged_twice

__all__ = [
    "CAPACITIES",
    "Block",
    "Capacity",
    "ChargedTwice",
    "capacity_of",
    "charged_twice",
    "end_of_term",
    "refuse_token_prices",
    "seed_blocks",
]
