"""Repricing: history is charged anew by what the rate card says now, as a run that is kept."""

from analytics.repricing.run import Repricing, reprice

__all__ = ["Repricing", "reprice"]
