"""Which of Azure's meters a charge of ours is billed on.

Both sides are put into the rate card's words: model, meter, deployment type, tier and context.
Versions fit when they are the same, or when one side does not say which it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from analytics.ratecard.azure_meters import read_meter_name
from analytics.ratecard.card import PART_OF
from analytics.ratecard.models import same_version

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_AI: Final = re.compile(
    r"open ?ai|foundry|cognitive|\bai\b|mistral|deepseek|grok|llama|cohere|kimi|fireworks|gpt",
    re.IGNORECASE,
)
_PROVISIONED: Final = re.compile(r"provisioned (managed|throughput)", re.IGNORECASE)
_UNIT: Final = re.compile(r"(\d+)?\s*([KM](?![a-z]))?[\s/]*(.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class MeterKey:
    """What a meter prices, as both sides know it."""

    model: str
    meter: str
    deployment_type: str = ""
    service_tier: str = "standard"
    context_tier: str = "standard"
    image: str = ""
    version: str = ""

    @property
    def label(self) -> str:
        """For people."""
        tiers = (self.service_tier, self.context_tier)
        extra = [tier for tier in tiers if tier != "standard"]
        parts = (self.model, self.version, self.meter.replace("_", " "), self.deployment_type)
        return " ".join(part for part in (*parts, *extra, self.image) if part)


PROVISIONED: Final = MeterKey("provisioned throughput", "provisioned")


def is_ai(service: str, product: str) -> bool:
    """Whether a line of the bill is about models at all."""
    return _AI.search(f"{service} {product}") is not None


def billed_meter(name: str, product: str) -> MeterKey | None:
    """The meter that a line of the bill names; None when it is none that a request can use."""
    if _PROVISIONED.search(name):
        return PROVISIONED
    spelled = product if product.startswith("Azure ") else "Azure OpenAI"
    read = read_meter_name(name, spelled)
    if read is None:
        return None
    sizes = "/".join(size for size in read.image_sizes if size)
    image = " ".join(part for part in (sizes, read.image_quality) if part)
    return MeterKey(
        read.model, read.meter, read.deployment_type, read.service_tier, read.context_tier,
        image, read.version or "",
    )  # fmt: skip


def units(unit_of_measure: str, key: MeterKey | None) -> Decimal:
    """How many of our units (token, image, second, character, hour of a unit) one is."""
    match = _UNIT.match(unit_of_measure.strip())
    number, thousands, rest = match.groups() if match else (None, None, "")
    factor = Decimal(number or 1) * {"": 1, "K": 1000, "M": 1_000_000}[(thousands or "").upper()]
    seconds = key is not None and key.meter == "second" and "hour" in rest.lower()
    return factor * 3600 if seconds else factor


def align(ours: Iterable[MeterKey], billed: Collection[MeterKey]) -> dict[MeterKey, MeterKey]:
    """For each meter of ours, the one of the bill that it is on; itself when there is none."""
    return {key: _fitting(key, billed) or key for key in ours}


def _fitting(key: MeterKey, billed: Collection[MeterKey]) -> MeterKey | None:
    found = _of_version(key, billed)
    whole = PART_OF.get(key.meter)
    if found is None and whole is not None:
        return _of_version(replace(key, meter=whole), billed)
    return found


def _of_version(key: MeterKey, billed: Collection[MeterKey]) -> MeterKey | None:
    alike = [one for one in billed if _same_but_version(one, key)]
    if key.version:
        own = [one for one in alike if one.version and same_version(one.version, key.version)]
    else:
        own = alike if len(alike) == 1 else []
    return next(iter([*own, *(one for one in alike if not one.version)]), None)


def _same_but_version(one: MeterKey, other: MeterKey) -> bool:
    images = not one.image or not other.image or _overlap(one.image, other.image)
    return images and replace(one, version="", image="") == replace(other, version="", image="")


def _overlap(one: str, other: str) -> bool:
    """Whether two texts of sizes and quality, such as `1792x1024/1024x1792 hd`, share a size."""
    sizes, quality = one.partition(" ")[::2]
    others, other_quality = other.partition(" ")[::2]
    return quality == other_quality and bool(set(sizes.split("/")) & set(others.split("/")))
