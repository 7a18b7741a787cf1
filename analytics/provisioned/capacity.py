"""What a PTU of a model can carry, as Azure publishes it.

From "Determine PTU sizing for a workload" of the Foundry documentation, as of May 2026: input
tokens a minute for each PTU, how many of them one output token counts, and the steps in which
deployments are sold. Cached input counts nothing. A model that is not here has to be told in the
settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from analytics.ratecard.models import split_model

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_OUTPUT_WEIGHT: Final = Decimal(4)
"""Azure's ratio for most models; only splits traffic among users when the capacity is unknown."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one PTU carries, and the smallest and next larger sizes of a deployment."""

    input_tokens_per_minute: int
    output_weight: Decimal
    regional_minimum: int
    regional_step: int
    minimum: int = 15
    step: int = 5

    def sizes(self, deployment_type: str) -> tuple[int, int]:
        """Smallest size and step, in PTUs, of a deployment of this reach."""
        if deployment_type == "regional":
            return self.regional_minimum, self.regional_step
        return self.minimum, self.step


def _capacity(
    tokens: int, weight: int, regional_minimum: int, regional_step: int | None = None
) -> Capacity:
    return Capacity(tokens, Decimal(weight), regional_minimum, regional_step or regional_minimum)


CAPACITIES: Final[Mapping[str, Capacity]] = {
    "gpt-5.5": _capacity(1_200, 6, 50),
    "gpt-5.4": _capacity(2_400, 6, 50),
    "gpt-5.3-codex": _capacity(3_400, 8, 50),
    "gpt-5.2": _capacity(3_400, 8, 50),
    "gpt-5.2-codex": _capacity(3_400, 8, 50),
    "gpt-5.1": _capacity(4_750, 8, 50),
    "gpt-5.1-codex": _capacity(4_750, 8, 50),
    "gpt-5": _capacity(4_750, 8, 50),
    "gpt-5-mini": _capacity(23_750, 8, 25),
    "gpt-4.1": _capacity(3_000, 4, 50),
    "gpt-4.1-mini": _capacity(14_900, 4, 25),
    "gpt-4.1-nano": _capacity(59_400, 4, 25),
    "o3": _capacity(3_000, 4, 50),
    "o4-mini": _capacity(5_400, 4, 25),
    "gpt-4o": _capacity(2_500, 4, 50),
    "gpt-4o-mini": _capacity(37_000, 4, 25),
    "o3-mini": _capacity(2_500, 4, 25),
    "o1": _capacity(230, 4, 25, 50),
}


def capacity_of(model: str) -> Capacity | None:
    """What a PTU of a model carries; None when Azure's table does not have it."""
    return CAPACITIES.get(split_model(model)[0])
