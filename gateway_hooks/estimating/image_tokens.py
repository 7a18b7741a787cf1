"""How many tokens an image in a prompt is, by the rules OpenAI publishes.

Most models cut an image into tiles of 512 pixels, the small newer ones into patches of 32. Both
scale it down first. Rules change with models, which is one reason why such counts are estimates.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from gateway_hooks.estimating.image_size import data_url_size

UNKNOWN_SIZE: Final = (1024, 1024)
"""Taken for an image that is only linked to, so that its size cannot be seen."""

_FIT: Final = 2048
_SHORT_SIDE: Final = 768
_TILE: Final = 512
_PATCH: Final = 32
_MAX_PATCHES: Final = 1536


@dataclass(frozen=True, slots=True)
class Tiles:
    """Tokens of an image for models that see tiles: a base, and more for each tile."""

    base: int
    tile: int

    def tokens(self, width: int, height: int, *, low: bool) -> int:
        """Tokens of an image of this size."""
        if low:
            return self.base
        shrink = min(1.0, _FIT / max(width, height))
        shrink *= min(1.0, _SHORT_SIDE / (min(width, height) * shrink))
        across = math.ceil(round(width * shrink, 3) / _TILE)
        down = math.ceil(round(height * shrink, 3) / _TILE)
        return self.base + self.tile * across * down


@dataclass(frozen=True, slots=True)
class Patches:
    """Tokens of an image for models that see patches."""

    factor: float

    def tokens(self, width: int, height: int, *, low: bool) -> int:
        """Tokens of an image of this size."""
        shrink = min(1.0, _TILE / max(width, height)) if low else 1.0
        across = math.ceil(width * shrink / _PATCH)
        down = math.ceil(height * shrink / _PATCH)
        return math.ceil(min(across * down, _MAX_PATCHES) * self.factor)


_RULES: Final[tuple[tuple[re.Pattern[str], Tiles | Patches], ...]] = (
    (re.compile(r"gpt-?4o-?mini"), Tiles(2833, 5667)),
    (re.compile(r"gpt-?4[.-]?1-?mini|gpt-?5\S*-mini"), Patches(1.62)),
    (re.compile(r"gpt-?4[.-]?1-?nano|gpt-?5\S*-nano"), Patches(2.46)),
    (re.compile(r"o4-?mini"), Patches(1.72)),
    (re.compile(r"gpt-?5"), Tiles(70, 140)),
    (re.compile(r"(^|[^a-z])o[13]([^a-z0-9]|$)"), Tiles(75, 150)),
    (re.compile(r"computer-use"), Tiles(65, 129)),
)
_USUAL_RULE: Final = Tiles(85, 170)


def image_tokens(url: object, detail: object, model: str | None) -> int:
    """Tokens of one image of a prompt.

    Args:
        url: a `data:` URL, which tells its size, or a link, which does not.
        detail: `low`, `high` or `auto`; only `low` makes a difference.
        model: its name, or the deployment's.
    """
    size = data_url_size(url) if isinstance(url, str) else None
    width, height = size or UNKNOWN_SIZE
    name = (model or "").lower()
    rule = next((rule for pattern, rule in _RULES if pattern.search(name)), _USUAL_RULE)
    return rule.tokens(width, height, low=detail == "low")
