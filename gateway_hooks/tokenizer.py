"""Counting tokens without a network."""

from __future__ import annotations


def encoding_name(model: str | None) -> str:
    """The name of the vocabulary of a model; unknown models have the newest."""
    return "o200k_base"
