"""The rate card: which rate applies to what, and why.

A meter's rate is looked for among those that hold on the day, of the tier and the deployment type.
Your own file wins over your contract's discounts, those over the price lists. A version's own rate
wins over one without a version; another version's stands in only when every version costs the same.
A region's own rate wins over its data zone's, and that over one for everywhere; without a known
region a rate is taken only when all regions cost the same. Nothing is guessed: without a rate the
usage stays unpriced, with a reason.

Azure bills what has no price of its own at the price of what it is part of: cached, cache-writing
and image input as input.

A request is charged in one currency, that of its most preferred rate. A meter whose rates are all
of another currency has no price; what costs nothing costs nothing in any currency.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analytics.ratecard.choose import by_precedence, choose, mismatch, rank
from analytics.ratecard.deployments import DeploymentBook, model_of
from analytics.ratecard.models import ANY_MODEL
from analytics.ratecard.rate import METERS, Sheet
from analytics.ratecard.regions import region_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from analytics.ratecard.rate import Meter, Rate, Use
    from analytics.types import Deployment

DEFAULT_TYPE: Final = "global"
DEFAULT_CURRENCY: Final = "USD"
MIXED_CURRENCIES: Final = "mixed_currencies"
_MOST_SHEETS: Final = 10_000
PART_OF: Final[Mapping[str, Meter]] = {
    "cached_input": "input",
    "cache_write": "input",
    "image_input": "input",
}
"""What a meter counts a part of: without a price of its own, the part costs what the whole does."""
STANDARD_TIERS: Final = frozenset({"", "auto", "default", "standard", "scale"})
"""Service tiers that cost the usual."""


@dataclass(frozen=True, slots=True)
class Question:
    """A use, in the rate card's own words."""

    at: datetime
    model: str
    version: str | None
    deployment_type: str
    region: str | None
    service_tier: str
    long_context: bool
    image_size: str | None
    image_quality: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """The rate of a meter, or why there is none."""

    rate: Rate | None
    reason: str | None


class RateCard:
    """Rates and deployments of one moment; remembers every answer it gave."""

    def __init__(self, rates: Iterable[Rate], deployments: Iterable[Deployment] = ()) -> None:
        self._rates: dict[tuple[str, str], list[Rate]] = defaultdict(list)
        for rate in rates:
            self._rates[rate.model, rate.meter].append(rate)
        self._models = {model for model, _ in self._rates}
        self._deployments = DeploymentBook(deployments)
        self._sheets: dict[Use, Sheet] = {}

    @property
    def rates(self) -> list[Rate]:
        """Every rate, past ones too."""
        return [rate for rates in self._rates.values() for rate in rates]

    @property
    def deployments(self) -> list[Deployment]:
        """Every entry of a deployment, past ones too."""
        return self._deployments.entries

    def sheet(self, use: Use) -> Sheet:
        """Every meter's rate for a use."""
        known = self._sheets.get(use)
        if known is None:
            if len(self._sheets) >= _MOST_SHEETS:  # callers may make up model names
                self._sheets.clear()
            known = self._sheets[use] = self._make_sheet(use)
        return known

    def question(self, use: Use) -> Question | None:
        """What a use asks of the rate card; None when it names no model at all."""
        configured = self._deployments.find(use.deployment, use.backend, use.at)
        model, version = model_of(use, configured, self._models)
        if model is None:
            return None
        kind = use.deployment_type or (configured.deployment_type if configured else None)
        region = use.region or (configured.region if configured else None)
        return Question(
            use.at, model, version, kind or DEFAULT_TYPE, region_name(region),
            tier_name(use.service_tier), use.long_context, use.image_size, use.image_quality,
        )  # fmt: skip

    def find(self, question: Question, meter: Meter, currency: str | None = None) -> Finding:
        """The rate of one meter, of one currency or of any.

        A part without a price takes that of its whole; so does a part of a version that the price
        list sells by itself, where it names the part for the other versions only.
        """
        finding = self._search(question, meter, currency)
        whole = PART_OF.get(meter)
        if whole is None or (finding.rate is None and finding.reason != "no_rate"):
            return finding
        of_whole = self._search(question, whole, currency)
        if finding.rate is None or _is_of_other_versions(finding.rate, of_whole.rate):
            return of_whole
        return finding

    def find_all(self, question: Question) -> tuple[str, dict[Meter, Finding]]:
        """The one currency a use is charged in, and every meter's rate in it."""
        found = {meter: self.find(question, meter) for meter in METERS}
        priced = [one.rate for one in found.values() if one.rate is not None and one.rate.price]
        if not priced:
            return DEFAULT_CURRENCY, found
        currency = min(priced, key=rank).currency
        for meter, finding in found.items():
            if finding.rate is not None and not _fits(finding.rate, currency):
                again = self.find(question, meter, currency)
                found[meter] = again if again.rate else Finding(None, MIXED_CURRENCIES)
        return currency, found

    def candidates(self, question: Question, meter: Meter) -> list[tuple[Rate, str | None]]:
        """Every rate of the model's meter, each with why it does not apply (None: it may)."""
        return [(rate, mismatch(question, rate)) for rate in self._of(question.model, meter)]

    def _make_sheet(self, use: Use) -> Sheet:
        question = self.question(use)
        if question is None:
            reasons = dict.fromkeys(METERS, "no_model")
            return Sheet(None, None, use.deployment_type or DEFAULT_TYPE, use.region, {}, reasons)
        currency, found = self.find_all(question)
        return Sheet(
            question.model, question.version, question.deployment_type, question.region,
            {meter: one.rate for meter, one in found.items() if one.rate is not None},
            {meter: one.reason or "no_rate" for meter, one in found.items() if one.rate is None},
            currency,
        )  # fmt: skip

    def _of(self, model: str, meter: Meter) -> list[Rate]:
        return [*self._rates.get((model, meter), ()), *self._rates.get((ANY_MODEL, meter), ())]

    def _search(self, question: Question, meter: Meter, currency: str | None) -> Finding:
        fitting = [
            rate
            for rate in self._of(question.model, meter)
            if mismatch(question, rate) is None and (currency is None or _fits(rate, currency))
        ]
        if not fitting:
            known = question.model in self._models
            return Finding(None, "no_rate" if known else "unknown_model")
        rate, reason = choose(question, by_precedence(fitting))
        return Finding(rate, reason or None)


def tier_name(service_tier: str | None) -> str:
    """A service tier as rates name it: all that costs the usual is `standard`."""
    tier = (service_tier or "").lower()
    return "standard" if tier in STANDARD_TIERS else tier


def _fits(rate: Rate, currency: str) -> bool:
    return rate.currency == currency or not rate.price


def _is_of_other_versions(part: Rate, whole: Rate | None) -> bool:
    return (
        whole is not None
        and whole.model_version is not None
        and part.model_version is None
        and rank(part) == rank(whole)
        and part.source != "file"
    )
