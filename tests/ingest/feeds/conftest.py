"""A reader of feeds, and a store that its events are loaded into."""

from __future__ import annotations

import functools
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from analytics.load import Loader
from analytics.ratecard import seed
from analytics.reports import spend
from analytics.store import Store
from analytics.types import Batch, Filters
from ingest.feeds import FeedReader
from tests.analytics.samples import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from analytics.types import LoadResult
    from ingest.feeds import Translated

ALL_TIME = Filters(datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass
class Desk:
    """Reads messages and stores what they hold; the store is made when it is first asked for."""

    reader: FeedReader
    clock: FakeClock
    open_store: Callable[[], Store]

    @functools.cached_property
    def store(self) -> Store:
        """An empty store with rates."""
        return self.open_store()

    @functools.cached_property
    def loader(self) -> Loader:
        """The loader of that store."""
        return Loader(self.store, self.clock)

    def read(self, body: bytes) -> Translated:
        """What a message is."""
        return self.reader.translate(body, received_at=self.clock.now())

    def events(self, body: bytes) -> list[dict[str, Any]]:
        """The events of a message; nothing of it was refused."""
        made = self.read(body)
        assert made.rejected == ()
        return [json.loads(line) for line in made.lines.splitlines()]

    def load(self, bodies: Iterable[bytes]) -> LoadResult:
        """Store messages in one commit."""
        made = [self.read(body) for body in bodies]
        parts = tuple(part for one in made for part in one.parts)
        return self.loader.load(Batch(b"".join(one.lines for one in made), (), (), parts))

    def totals(self) -> dict[str, Any]:
        """What the rollups add up to, and the events."""
        charges = self.store.frame(
            "SELECT meter, sum(requests)::BIGINT, sum(quantity), sum(cost) FROM spend_hourly "
            "GROUP BY ALL ORDER BY ALL"
        ).rows()
        traffic = self.store.frame(
            "SELECT sum(requests)::BIGINT, sum(errors)::BIGINT, sum(input_tokens)::BIGINT, "
            "sum(output_tokens)::BIGINT, sum(attempts)::BIGINT FROM traffic_hourly"
        ).rows()
        unpriced = spend(self.store, ALL_TIME)["unpriced_requests"].item()
        latency = self.store.frame("SELECT sum(requests)::BIGINT FROM latency_hourly").rows()
        events = self.store.frame(
            "SELECT event_id, key_name, usage_source, input_tokens, cost FROM usage_events "
            "ORDER BY event_id"
        ).rows()
        return {
            "charges": charges,
            "traffic": [(*traffic[0], unpriced)],
            "latency": latency,
            "events": events,
        }


@pytest.fixture(scope="session")
def feeds_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds rates and nothing else; only to be copied."""
    folder = tmp_path_factory.mktemp("feeds") / "store"
    with Store.open(str(folder)) as store:
        seed(store, FakeClock())
    return folder


@pytest.fixture
def reader() -> FeedReader:
    """A reader without any settings of an operator."""
    return FeedReader.of(salt=b"sixteen bytes of salt", gateway="gw-test")


@pytest.fixture
def desk(feeds_store: Path, tmp_path: Path, reader: FeedReader) -> Iterator[Desk]:
    """A reader and an empty store."""
    opened: list[Store] = []

    def open_store() -> Store:
        # Each time another one, so that examples of a property can have their own.
        folder = shutil.copytree(feeds_store, tmp_path / f"store-{len(opened)}")
        opened.append(Store.open(str(folder)))
        return opened[-1]

    yield Desk(reader, FakeClock(NOON), open_store)
    for store in opened:
        store.close()
