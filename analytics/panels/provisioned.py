"""Provisioned throughput: how much of it was used, and what the rest cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.panels.selection import ask, sql

if TYPE_CHECKING:
    from datetime import timedelta

    import polars as pl

    from analytics.panels.selection import Selection
    from analytics.store import Store


def provisioned_table(store: Store, selection: Selection) -> pl.DataFrame:
    """One row per block, dearest first: ptu_hours, spend, idle_spend, used_share, tokens.

    Of the selection only its span counts: a block is bought for all callers. Empty without blocks.
    """
    return _ask(store, "provisioned_table", selection)


def provisioned_over_time(store: Store, selection: Selection, *, width: timedelta) -> pl.DataFrame:
    """Columns series (block), bucket (business wall clock), used_share, idle_spend."""
    return _ask(store, "provisioned_over_time", selection, width=width)


def _ask(
    store: Store, question: str, selection: Selection, *, width: timedelta | None = None
) -> pl.DataFrame:
    text = " ".join(("WITH", sql("provisioned_hours"), sql(question)))
    return ask(store, text, {**selection.parameters(), "width": width})
