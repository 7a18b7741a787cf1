"""Seeding: the blocks that the settings name, and those that they named before.

A block that is changed in the settings is changed for all of its time, because what its hours cost
is computed when it is asked for. One that is taken out ends, and keeps its past; to take it back as
if it had never been, let it end when it begins. Settings without any block change nothing, so a
process that was not told of them ends none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from analytics.provisioned.table import read_blocks, write_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from analytics.provisioned.block import Block
    from analytics.store import Store
    from analytics.types import Clock


def seed_blocks(store: Store, clock: Clock, blocks: Sequence[Block]) -> int:
    """Bring the store's blocks up to date; how many were added, changed or ended.

    Raises:
        StoreBusy: somebody else was writing; try again.
    """
    if not blocks:
        return 0
    stored = read_blocks(store)
    wanted = {one.identity: one for one in blocks}
    now = clock.now()
    kept = [_ended(one, now) for one in stored if one.identity not in wanted]
    result = sorted([*kept, *wanted.values()], key=lambda one: one.identity)
    changed = len(set(result).symmetric_difference(stored))
    if changed:
        with store.transaction() as connection:
            write_blocks(connection, result)
    return len({one.identity for one in set(result).symmetric_difference(stored)})


def _ended(block: Block, now: datetime) -> Block:
    end = block.ends_within(now)
    over = block.valid_to is not None and block.valid_to <= end
    return block if over else replace(block, valid_to=end)
