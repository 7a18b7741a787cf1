"""The simulated Azure OpenAI resource: everything that outlives one request, all of it bounded."""

from __future__ import annotations

import time
from collections import OrderedDict
from random import Random
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from gatemeter.simulator.ledger import Ledger
from gatemeter.simulator.limits import RateLimiter
from gatemeter.simulator.prompt_cache import PromptCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatemeter.simulator.config import SimulatorConfig

KEPT_ITEMS: Final = 10_000
V = TypeVar("V")


class Shelf(Generic[V]):
    """Stored items by id; the oldest go first when it is full."""

    def __init__(self, limit: int = KEPT_ITEMS) -> None:
        self._items: OrderedDict[str, V] = OrderedDict()
        self._limit = limit

    def put(self, item_id: str, item: V) -> None:
        """Store an item, or store it anew."""
        self._items[item_id] = item
        if len(self._items) > self._limit:
            self._items.popitem(last=False)

    def get(self, item_id: str) -> V | None:
        """The item of that id."""
        return self._items.get(item_id)

    def remove(self, item_id: str) -> bool:
        """Forget an item; False when there was none."""
        return self._items.pop(item_id, None) is not None

    def items(self) -> list[tuple[str, V]]:
        """Every id with its item, oldest first."""
        return list(self._items.items())


class SimulatedResource:
    """State shared by all requests to one simulated resource."""

    def __init__(
        self,
        config: SimulatorConfig,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.config = config
        self.ledger = Ledger()
        self.prompt_cache = PromptCache()
        self.responses: Shelf[dict[str, Any]] = Shelf()
        self.image_operations: Shelf[dict[str, Any]] = Shelf()
        self.ingestion_jobs: Shelf[dict[str, Any]] = Shelf()
        self.fault_rng = Random(config.seed)  # noqa: S311 - reproducible moods, no secrets
        self.limiters = {
            deployment.name: RateLimiter(deployment, clock) for deployment in config.deployments
        }
        self._wall_clock = wall_clock

    def now(self) -> int:
        """Seconds since 1970, as `created` fields have them."""
        return int(self._wall_clock())
