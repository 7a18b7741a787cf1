"""The id of a rate: the same rate of the same source has the same id in every store."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from analytics.ratecard.rate import Rate

_LENGTH: Final = 16
# Not when it ended, nor which version of the source repeats it. A contract's rate says besides what
# it was made of.
_SAYS: Final = attrgetter(
    "provider", "model", "model_version", "deployment_type", "region", "meter", "service_tier",
    "context_tier", "image_size", "image_quality", "currency", "price", "valid_from",
)  # fmt: skip


def rate_id(rate: Rate) -> Rate:
    """The rate with its id, made from what it says."""
    said = _SAYS(rate)
    if rate.list_rate_id is not None:
        said += rate.list_rate_id, rate.source_name
    text = "\x1f".join(map(str, said))
    digest = hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]
    return replace(rate, rate_id=f"{rate.source}:{digest}")
