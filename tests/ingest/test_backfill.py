"""Exported files are loaded as often as wanted, and each request is stored once."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from analytics.errors import StoreBusy
from analytics.types import Batch, LoadResult
from ingest.backfill import Backfill, BackfillTotals
from ingest.errors import StoreStayedBusy
from ingest.feeds import FeedReader
from ingest.memory_destination import MemoryDestination
from tests.ingest.feeds.made_logs import body, envelope, gateway_record, hub_event, pii_event

if TYPE_CHECKING:
    from tests.ingest.conftest import FakeClock
    from tests.queue_samples import MakeLine

import pytest


class Shelf(MemoryDestination):
    """A store in memory that files can be loaded into."""

    def release_recorded(self) -> LoadResult:
        """Nothing waits in memory."""
        return LoadResult(0, 0, 0)

    def known_dead_letters(self, source: str, partition: str) -> set[int]:
        """See `BackfillStore`."""
        return {at for name, part, at in self.dead_letters if (name, part) == (source, partition)}


def load(shelf: Shelf, clock: FakeClock, *contents: bytes, rows: int = 20_000) -> BackfillTotals:
    """Load files of these contents."""
    reader = FeedReader.of(salt=b"sixteen bytes of salt", gateway="gw-test")
    backfill = Backfill(reader, shelf, clock, rows=rows)
    for number, content in enumerate(contents):
        backfill.read(f"file-{number}", io.BytesIO(content))
    return backfill.finish()


def test_every_record_is_stored_refused_or_waits(clock: FakeClock, event_line: MakeLine) -> None:
    """Nothing of a file is lost in silence."""
    shelf = Shelf()
    lines = [
        body(hub_event(1)), body(hub_event(1)), b'{"torn', body(pii_event()),
        body(envelope(gateway_record(1), {"category": "GatewayMCPLogs"})),
    ]  # fmt: skip
    content = b"\n".join(lines) + b"\n" + event_line(1) + b'{"event_id":"broken"}\n'
    totals = load(shelf, clock, content)
    assert (totals.events_stored, totals.duplicates, totals.dead_letters) == (2, 1, 3)
    assert (totals.files, totals.ignored, len(shelf.batches[-1].parts)) == (1, 1, 1)
    assert sum(totals.reasons.values()) == 3
    assert dict(totals.feeds) == {
        "ai_hub_gateway": 2, "apim_diagnostics": 1, "gatemeter": 2, "unknown": 0,
    }  # fmt: skip
    for (_, _, position), letter in shelf.dead_letters.items():
        assert 0 <= position < len(content)
        assert "CANARY" not in letter.line


def test_loading_again_adds_nothing(clock: FakeClock, event_line: MakeLine) -> None:
    """Neither events nor dead letters come twice, so a back-fill can be repeated."""
    shelf = Shelf()
    content = body([hub_event(number) for number in range(50)]) + b"\nnonsense\n"
    bad = event_line(1, status_code=99)
    first = load(shelf, clock, content, bad)
    again = load(shelf, clock, content, bad)
    assert (first.events_stored, first.dead_letters) == (50, 2)
    assert (again.events_stored, again.duplicates) == (0, 50)
    assert (again.dead_letters, again.dead_letters_known) == (0, 2)


def test_a_file_that_has_grown_adds_what_is_new(clock: FakeClock) -> None:
    """PT1H.json is written to for an hour."""
    shelf = Shelf()
    line = [body(hub_event(number)) + b"\n" for number in range(3)]
    load(shelf, clock, line[0] + line[1])
    assert load(shelf, clock, b"".join(line)).events_stored == 1


def test_large_files_are_stored_in_many_commits(clock: FakeClock) -> None:
    """Memory is bounded by a batch, not by a file."""
    shelf = Shelf()
    content = b"".join(json.dumps(hub_event(number)).encode() + b"\n" for number in range(100))
    assert load(shelf, clock, content, rows=10).events_stored == 100
    assert len(shelf.batches) == 10


def test_a_busy_store_is_waited_for(clock: FakeClock) -> None:
    """A consumer may be writing at the same time."""
    shelf = Shelf()
    shelf.fail_next = [StoreBusy("busy"), StoreBusy("busy")]
    assert load(shelf, clock, body(hub_event(1))).events_stored == 1


def test_a_store_that_stays_busy_ends_it_with_advice(clock: FakeClock) -> None:
    """Whoever started it learns that starting it again is safe."""
    shelf = Shelf()
    shelf.fail_next = [StoreBusy("busy")] * 500
    with pytest.raises(StoreStayedBusy, match="load the files again"):
        load(shelf, clock, body(hub_event(1)))


def test_parts_go_with_the_batch(clock: FakeClock) -> None:
    """Halves of requests are stored in the commit of the events beside them."""
    shelf = Shelf()
    load(shelf, clock, body([hub_event(1), envelope(gateway_record(1))]))
    (batch,) = shelf.batches
    assert isinstance(batch, Batch)
    assert (batch.lines.count(b"\n"), len(batch.parts)) == (1, 1)
