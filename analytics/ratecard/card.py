"""The rate card: which rate applies to what, and why.

A meter's rate is looked for among those that hold on the day, of the tier and the deployment type.
Your own file wins over the price lists. A version's own rate wins over one without a version;
another version's stands in only when every version costs the same. A region's own rate wins over
its data zone's, and that over one for everywhere; without a known region a rate is taken only when
all regions cost the same. Nothing is guessed: without a rate the usage stays unpriced, with a
reason.

Azure bills what has no price of its own at the price of what it is part of: cached, cache-writing
and image input as input.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analytics.ratecard.deployments import DeploymentBook, model_of
from analytics.ratecard.models import same_version
from analytics.ratecard.rate import METERS, SOURCES, Sheet
from analytics.ratecard.regions import region_name, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from analytics.ratecard.rate import Meter, Rate, Use
    from analytics.types import Deployment

DEFAULT_TYPE: Final = "global"
ANY_MODEL: Final = "*"
_MOST_SHEETS: Final = 10_000
DEFAULT_IMAGE_SIZE: Final = "1024x1024"
DEFAULT_IMAGE_QUALITY: Final = "standard"
_PART_OF: Final[Mapping[Meter, Meter]] = {
    "cached_input": "input",
    "cache_write": "input",
    "image_input": "input",
}
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

    def find(self, question: Question, meter: Meter) -> Finding:
        """The rate of one meter; a part without a price takes that of its whole."""
        finding = self._search(question, meter)
        whole = _PART_OF.get(meter)
        if finding.rate is None and finding.reason == "no_rate" and whole:
            return self._search(question, whole)
        return finding

    def _make_sheet(self, use: Use) -> Sheet:
        question = self.question(use)
        if question is None:
            reasons = dict.fromkeys(METERS, "no_model")
            return Sheet(None, None, use.deployment_type or DEFAULT_TYPE, use.region, {}, reasons)
        rates: dict[Meter, Rate] = {}
        reasons = {}
        for meter in METERS:
            finding = self.find(question, meter)
            if finding.rate is not None:
                rates[meter] = finding.rate
            else:
                reasons[meter] = finding.reason or "no_rate"
        return Sheet(
            question.model, question.version, question.deployment_type, question.region,
            rates, reasons,
        )  # fmt: skip

    def candidates(self, question: Question, meter: Meter) -> list[tuple[Rate, str | None]]:
        """Every rate of the model's meter, each with why it does not apply (None: it may)."""
        return [(rate, _mismatch(question, rate)) for rate in self._of(question.model, meter)]

    def _of(self, model: str, meter: Meter) -> list[Rate]:
        return [*self._rates.get((model, meter), ()), *self._rates.get((ANY_MODEL, meter), ())]

    def _search(self, question: Question, meter: Meter) -> Finding:
        fitting = [
            rate for rate in self._of(question.model, meter) if _mismatch(question, rate) is None
        ]
        reason = "no_rate" if question.model in self._models else "unknown_model"
        for group in _by_precedence(fitting):
            rate, reason = _choose(question, group)
            if rate is not None:
                return Finding(rate, None)
        return Finding(None, reason)


def tier_name(service_tier: str | None) -> str:
    """A service tier as rates name it: all that costs the usual is `standard`."""
    tier = (service_tier or "").lower()
    return "standard" if tier in STANDARD_TIERS else tier


def _mismatch(question: Question, rate: Rate) -> str | None:
    """Why a rate does not apply, region and version apart; None when it does."""
    kind, tier = question.deployment_type, question.service_tier
    if kind == "batch" and rate.deployment_type != "batch":
        kind, tier = "global", "batch"
    size = question.image_size or DEFAULT_IMAGE_SIZE
    quality = question.image_quality or DEFAULT_IMAGE_QUALITY
    tests = (
        (rate.deployment_type in {None, kind}, f"is for type {rate.deployment_type}"),
        (rate.service_tier == tier, f"is for the service tier {rate.service_tier}"),
        (rate.context_tier != "long" or question.long_context, "is for long contexts"),
        (rate.image_size in {None, size}, f"is for images of {rate.image_size}"),
        (rate.image_quality in {None, quality}, f"is for images of quality {rate.image_quality}"),
        (question.at >= rate.valid_from, f"holds from {rate.valid_from:%Y-%m-%d}"),
        (
            rate.valid_to is None or question.at < rate.valid_to,
            f"held until {rate.valid_to:%Y-%m-%d}" if rate.valid_to else "",
        ),
    )
    return next((reason for fits, reason in tests if not fits), None)


def _by_precedence(rates: Sequence[Rate]) -> list[list[Rate]]:
    """Source by source; of each, first the rates that name the deployment type."""
    groups: dict[tuple[int, bool], list[Rate]] = defaultdict(list)
    for rate in rates:
        groups[SOURCES.index(rate.source), rate.deployment_type is None].append(rate)
    return [groups[key] for key in sorted(groups)]


def _choose(question: Question, rates: Sequence[Rate]) -> tuple[Rate | None, str]:
    """The rate of the version and the region; else why there is none."""
    rates = _of_version(question.version, rates)
    rates = [rate for rate in rates if rate.context_tier == "long"] or rates
    if not rates:
        return None, "version_unknown"
    region = question.region
    if region is not None:
        for place in (region, zone_of(region), None):
            here = [rate for rate in rates if rate.region == place]
            if here:
                return _latest(here), ""
        return None, "no_rate_in_region"
    # Nobody calls Azure Government's regions without knowing it.
    public = [rate for rate in rates if not (rate.region or "").startswith("usgov")] or rates
    if any(rate.region for rate in public) and len({rate.price for rate in public}) > 1:
        return None, "region_unknown"
    return _latest(public), ""


def _of_version(version: str | None, rates: Sequence[Rate]) -> list[Rate]:
    """The rates of the version; else those of none; else all, when versions cost the same."""
    if version is not None:
        own = [r for r in rates if r.model_version and same_version(r.model_version, version)]
        if own:
            return own
    plain = [rate for rate in rates if rate.model_version is None]
    if plain:
        return plain
    prices: dict[str | None, set[tuple[str | None, object]]] = defaultdict(set)
    for rate in rates:
        prices[rate.model_version].add((rate.region, rate.price))
    alike = len({frozenset(one) for one in prices.values()}) == 1
    return list(rates) if alike else []


def _latest(rates: Sequence[Rate]) -> Rate:
    return max(rates, key=lambda rate: (rate.valid_from, rate.model_version or "", rate.rate_id))
