"""Which of several rates that fit a use is the one: source, version, context, region.

Rates come in groups, most preferred first, and the first group with an answer gives it. Where the
use does not say its version or region, the answer is looked for at every version or region that any
rate names, and holds only when it costs the same at all of them: an own price for one region does
not become the price of requests of which nobody knows the region.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from analytics.ratecard.models import same_version
from analytics.ratecard.rate import BATCHES, SOURCES
from analytics.ratecard.regions import zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analytics.ratecard.card import Question
    from analytics.ratecard.rate import Rate

Answer = tuple["Rate | None", str]
"""A rate, or why there is none."""
Groups = list[list["Rate"]]
DEFAULT_IMAGE_SIZE: Final = "1024x1024"
DEFAULT_IMAGE_QUALITY: Final = "standard"
_NO_VERSION: Final = ""
_ELSEWHERE: Final = ""


def mismatch(question: Question, rate: Rate) -> str | None:
    """Why a rate does not apply, region and version apart; None when it does."""
    kind, tier = question.deployment_type, question.service_tier
    if kind in BATCHES and rate.deployment_type != kind:
        kind, tier = BATCHES[kind], "batch"
    size = question.image_size or DEFAULT_IMAGE_SIZE
    quality = question.image_quality or DEFAULT_IMAGE_QUALITY
    tests = (
        (rate.deployment_type in {None, kind}, "is for type {}", rate.deployment_type),
        (rate.service_tier == tier, "is for the service tier {}", rate.service_tier),
        (rate.context_tier != "long" or question.long_context, "is for {} contexts", "long"),
        (rate.image_size in {None, size}, "is for images of {}", rate.image_size),
        (rate.image_quality in {None, quality}, "is for images of quality {}", rate.image_quality),
        (question.at >= rate.valid_from, "holds from {:%Y-%m-%d}", rate.valid_from),
        (
            rate.valid_to is None or question.at < rate.valid_to,
            "held until {:%Y-%m-%d}",
            rate.valid_to,
        ),
    )
    return next((text.format(value) for fits, text, value in tests if not fits), None)


def rank(rate: Rate) -> tuple[int, int]:
    """Where a rate's source stands; a contract's rate also by the list it was made from."""
    listed = rate.list_rate_id.partition(":")[0] if rate.list_rate_id else rate.source
    return SOURCES.index(rate.source), SOURCES.index(listed)


def by_precedence(rates: Iterable[Rate]) -> Groups:
    """Source by source; of each, first the rates that name the deployment type."""
    groups: dict[tuple[tuple[int, int], bool], list[Rate]] = defaultdict(list)
    for rate in rates:
        groups[rank(rate), rate.deployment_type is None].append(rate)
    return [groups[key] for key in sorted(groups)]


def choose(question: Question, groups: Groups) -> Answer:
    """The rate of the version and the region; else why there is none."""
    if question.region is not None:
        return _in_region(question, groups, question.region)
    named = {rate.region for group in groups for rate in group}
    # Nobody calls Azure Government's regions without knowing it.
    public = {region for region in named if not (region or "").startswith("usgov")} or named
    places = sorted(region or _ELSEWHERE for region in public)
    return _agreed([_in_region(question, groups, place) for place in places], "region_unknown")


def _in_region(question: Question, groups: Groups, region: str) -> Answer:
    if question.version is None:
        return _of_any_version(groups, region)
    answer = _winner(groups, question.version, region)
    if answer[1] != "version_unknown":
        return answer
    return _agreed(
        [_winner(groups, version, region) for version in _versions(groups)], "version_unknown"
    )


def _of_any_version(groups: Groups, region: str) -> Answer:
    """Where a source has a rate without a version, its other rates are for who names theirs."""
    plain = next(
        (number for number, group in enumerate(groups) if _plain(group)),
        len(groups),
    )
    versions = _versions(groups[:plain])
    answers = [_winner(groups, version, region) for version in versions]
    if plain < len(groups):
        answers.append(_winner(groups, _NO_VERSION, region))
    return _agreed(answers, "version_unknown")


def _winner(groups: Groups, version: str, region: str) -> Answer:
    reasons = []
    for group in groups:
        rate, reason = _answer(group, version, region)
        if rate is not None:
            return rate, ""
        reasons.append(reason)
    # That a region has no price says more than that a source does not know the version.
    return None, max(reasons, key=lambda reason: reason == "no_rate_in_region", default="no_rate")


def _answer(group: Sequence[Rate], version: str, region: str) -> Answer:
    rates = [r for r in group if r.model_version and same_version(r.model_version, version)]
    rates = rates or _plain(group)
    if not rates:
        return None, "version_unknown"
    rates = [rate for rate in rates if rate.context_tier == "long"] or rates
    places = (region, zone_of(region), None) if region else (None,)
    for place in places:
        here = [rate for rate in rates if rate.region == place]
        if here:
            return _latest(here), ""
    return None, "no_rate_in_region"


def _agreed(answers: Sequence[Answer], doubt: str) -> Answer:
    """What all answers that name a rate say alike."""
    rates = [rate for rate, _ in answers if rate is not None]
    if len({(rate.price, rate.currency) for rate in rates}) > 1:
        return None, doubt
    if rates:
        return _latest(rates), ""
    return None, next((reason for _, reason in answers), "no_rate")


def _plain(group: Iterable[Rate]) -> list[Rate]:
    return [rate for rate in group if rate.model_version is None]


def _versions(groups: Groups) -> list[str]:
    return sorted({rate.model_version for group in groups for rate in group if rate.model_version})


def _latest(rates: Sequence[Rate]) -> Rate:
    return max(rates, key=lambda rate: (rate.valid_from, rate.model_version or "", rate.rate_id))
