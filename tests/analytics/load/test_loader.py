"""The transaction as a whole: what is stored, what is refused, and that it is all or nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from analytics.errors import BadLines, LedgerConflict
from analytics.load import Loader
from analytics.load.loader import LOAD_THREADS
from analytics.store import Store
from analytics.types import Advance, Batch, DeadLetter
from tests.analytics.samples import attempt, event, load, ndjson

if TYPE_CHECKING:
    from pathlib import Path

    from tests.analytics.samples import FakeClock


def test_an_event_is_stored_with_its_attempts_and_its_cost(loader: Loader, store: Store) -> None:
    """A request becomes a row that says who, what, where, and what it cost."""
    throttled = attempt(backend="france", status_code=429, throttle="token_rate")
    result = load(loader, event(attempts=[throttled, attempt(backend="sweden")]))
    assert (result.stored, result.duplicates, result.dead_letters) == (1, 0, 0)
    row = store.frame("SELECT * FROM usage_events").row(0, named=True)
    assert row["backend"] == "sweden"
    assert (row["model"], row["model_version"]) == ("gpt-4o", "2024-11-20")
    assert row["attempt_count"] == 2
    # 800 input at 2.50, 200 cached at 1.25 and 100 output at 10 USD a million
    assert row["cost"] == Decimal("0.00325")
    attempts = store.frame("SELECT attempt, backend, status_code FROM backend_attempts").rows()
    assert sorted(attempts) == [(1, "france", 429), (2, "sweden", 200)]


def test_a_batch_with_a_bad_line_is_refused_whole(loader: Loader, store: Store) -> None:
    """Nothing of a refused batch is stored, and its positions do not move."""
    good, bad = event(1), event(2, status_code=None)
    with pytest.raises(BadLines):
        load(loader, good, bad)
    assert store.frame("SELECT count(*) FROM events").item() == 0
    assert loader.positions("queue") == {}
    assert load(loader, good).stored == 1


def test_a_stale_position_is_refused_and_stores_nothing(loader: Loader, store: Store) -> None:
    """Whoever reads on from a position that has moved gets a conflict, not a second copy."""
    load(loader, event(1))
    for before in (None, 0, 7):
        with pytest.raises(LedgerConflict):
            loader.load(Batch(ndjson([event(2)]), (Advance("queue", "writer", before, 9),)))
    assert store.frame("SELECT count(*) FROM events").item() == 1
    assert loader.positions("queue") == {"writer": 1}


def test_one_stale_partition_holds_back_the_others_of_its_batch(loader: Loader) -> None:
    """Positions of one batch move together or not at all."""
    load(loader, event(1), partition="a")
    steps = (Advance("queue", "b", None, 5), Advance("queue", "a", 7, 9))
    with pytest.raises(LedgerConflict):
        loader.load(Batch(ndjson([event(2)]), steps))
    assert loader.positions("queue") == {"a": 1}


def test_dead_letters_are_stored_with_the_positions_they_came_from(
    loader: Loader, store: Store
) -> None:
    """A line that is no event is kept with its reason, and the log goes on behind it."""
    letter = DeadLetter("queue", "writer", 4, "no JSON", "<redacted>")
    result = loader.load(Batch(b"", (Advance("queue", "writer", None, 10),), (letter,)))
    assert (result.stored, result.duplicates, result.dead_letters) == (0, 0, 1)
    row = store.frame("SELECT source, partition, position, reason, line FROM dead_letters").row(0)
    assert row == ("queue", "writer", 4, "no JSON", "<redacted>")
    assert loader.positions("queue") == {"writer": 10}


def test_a_batch_without_events_still_moves_on(loader: Loader) -> None:
    """Positions advance over what holds no events, such as a segment's trailer."""
    loader.load(Batch(b"", (Advance("queue", "writer", None, 3),)))
    loader.load(Batch(b"", (Advance("queue", "writer", 3, 8),)))
    assert loader.positions("queue") == {"writer": 8}


def test_positions_are_kept_by_source(loader: Loader) -> None:
    """Two logs may have partitions of the same name."""
    load(loader, event(1), source="one")
    load(loader, event(2), source="two")
    load(loader, event(3), source="two")
    assert loader.positions("one") == {"writer": 1}
    assert loader.positions("two") == {"writer": 2}
    assert loader.positions("") == {}


def test_refused_lines_are_named_with_their_reasons(loader: Loader) -> None:
    """The consumer can tell which lines of a refused batch to put aside, and why."""
    lines = [
        ndjson([event(1)]).strip(),
        b'{"torn":',
        ndjson([event(2, operation="juggling")]).strip(),
        ndjson([event(3, attempts=[attempt(backend=None)])]).strip(),
        ndjson([event(4)]).strip(),
    ]
    assert loader.refused_lines(lines) == {
        1: "is not one JSON object with values of the right kinds",
        2: "operation has an unknown value",
        3: "attempts.backend is missing",
    }
    assert loader.refused_lines([]) == {}


def test_reasons_never_quote_the_line(loader: Loader) -> None:
    """What a line held may be a secret, so neither error nor reason repeats it."""
    line = ndjson([event(1, duration_ms="sk-secret-value", team="sk-secret-value")]).strip()
    (reason,) = loader.refused_lines([line]).values()
    assert "secret" not in reason
    with pytest.raises(BadLines) as caught:
        load(loader, event(1, duration_ms="sk-secret-value"))
    assert "secret" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_loaders_single_thread_ends_with_its_store(store_folder: Path, clock: FakeClock) -> None:
    """Whoever opens a store later in this process, as a report does, has all of its cores."""

    def threads(store: Store) -> int:
        return int(store.frame("SELECT current_setting('threads')::INTEGER AS n").item())

    with Store.open(str(store_folder)) as before:
        usual = threads(before)
        Loader(before, clock)
        assert threads(before) == LOAD_THREADS
    with Store.open(str(store_folder)) as after:
        assert threads(after) == usual
