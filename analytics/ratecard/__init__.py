"""The rate card: what usage costs, from published price lists and the operator's own file."""

from analytics.ratecard.card import Finding, Question, RateCard
from analytics.ratecard.rate import METERS, Meter, Rate, Sheet, Use
from analytics.ratecard.seed import seed
from analytics.ratecard.table import read_card

__all__ = [
    "METERS",
    "Finding",
    "Meter",
    "Question",
    "Rate",
    "RateCard",
    "Sheet",
    "Use",
    "read_card",
    "seed",
]
