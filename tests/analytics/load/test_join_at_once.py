"""Two consumers of one PostgreSQL catalog store halves of the same requests at the same moments."""

from __future__ import annotations

import json
import random
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import pytest

from analytics.errors import StoreBusy
from analytics.load import Loader
from analytics.load.join import join
from analytics.load.keys import KeyPeriods
from analytics.ratecard import seed
from analytics.ratecard.card import RateCard
from analytics.store import Store
from analytics.types import Batch, FeedPart
from tests.analytics import workers
from tests.analytics.samples import FakeClock, event, ndjson

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

REQUESTS: Final = 40
ROUNDS: Final = 4
NOTHING: Final = dict.fromkeys(("input_tokens", "cached_input_tokens", "output_tokens"))

EVENTS: Final = """
    SELECT event_id, key_name, operation, status_code, usage_source, input_tokens,
        cached_input_tokens, output_tokens, attempt_count, model, billed, cost
    FROM events ORDER BY ALL
"""
SUMS: Final = {
    "charges": """
        SELECT meter, rate_id, unpriced_reason, sum(requests)::BIGINT, sum(quantity), sum(cost)
        FROM charges_hourly GROUP BY ALL
        HAVING sum(requests) <> 0 OR sum(quantity) <> 0 ORDER BY ALL
    """,
    "traffic": """
        SELECT sum(requests)::BIGINT, sum(attempts)::BIGINT, sum(input_tokens)::BIGINT,
            sum(output_tokens)::BIGINT
        FROM traffic_hourly
    """,
    "latency": "SELECT sum(requests)::BIGINT FROM latency_hourly",
    "attempts": "SELECT count(*), count(DISTINCT event_id) FROM attempts",
    "halves": "SELECT count(*), count(DISTINCT part_id) FROM feed_parts",
    "joins": """
        SELECT correlation_id, waiting_for, event_id, line FROM feed_joins ORDER BY ALL
    """,
}


def half(number: int, kind: Any, request: str = "", sequence: int = 0, **fields: Any) -> FeedPart:
    """A half of request `number`."""
    if kind == "gateway":
        fields = {"usage_source": "none", **NOTHING, **fields}
    made = event(number, **fields)
    at = datetime.fromisoformat(made["started_at"])
    return FeedPart(f"c-{number}", kind, at, FakeClock().now(), json.dumps(made), request, sequence)


def halves_of(number: int, chance: random.Random) -> list[FeedPart]:
    """All halves of a request: some lack one, some have the answers of a whole session."""
    gateway = half(number, "gateway")
    tokens = [half(number, "llm", "a", output_tokens=number + 1)]
    if number % 4 == 1:
        tokens.append(half(number, "llm", "b", output_tokens=7 * number))
    if number % 5 == 2:
        tokens.append(half(number, "llm", "a", sequence=1, usage_source="none", **NOTHING))
    if number % 11 == 3:
        return [gateway]
    if number % 13 == 4:
        return tokens
    return chance.sample([gateway, *tokens], k=1 + len(tokens))


def deal(parts: list[FeedPart], chance: random.Random) -> dict[str, list[list[FeedPart]]]:
    """What each of two partitions gets in each round; most halves of a request in the same."""
    shares: dict[str, list[list[FeedPart]]] = {
        name: [[] for _ in range(ROUNDS)] for name in ("0", "1")
    }
    for one in chance.sample(parts, k=len(parts)):
        at = int(one.correlation_id.removeprefix("c-")) + chance.choice((0, 0, 1))
        shares[chance.choice("01")][at % ROUNDS].append(one)
    return shares


def incomplete(parts: list[FeedPart]) -> set[str]:
    """Correlation ids of which one kind of half never comes."""
    kinds: dict[str, set[str]] = {}
    for one in parts:
        kinds.setdefault(one.correlation_id, set()).add(one.kind)
    return {name for name, seen in kinds.items() if len(seen) < 2}


def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All that the halves came to, apart from when they were stored."""
    with Store.open(url, read_only=True) as store:
        found = {name: store.frame(query).rows() for name, query in SUMS.items()}
        return {"events": store.frame(EVENTS).rows(), **found}


def test_of_two_halves_that_are_kept_at_once_one_sees_the_other(
    tmp_path: Path, postgres: Callable[[str], str]
) -> None:
    """Neither transaction sees what the other adds, so one of them has to be made again."""
    url = f"{postgres('join_of_two')}#data={tmp_path / 'data'}/"
    card = RateCard([], [])
    with Store.open(url) as mine, Store.open(url) as theirs:

        def keep_between() -> None:
            with mine.transaction() as connection:
                now, keys = FakeClock().now(), KeyPeriods(connection)
                join(connection, card, keys, [half(1, "gateway")], late=(), now=now)
                Loader(theirs, FakeClock()).load(Batch(b"", (), (), (half(1, "llm"),)))

        with pytest.raises(StoreBusy):
            keep_between()
        loader = Loader(mine, FakeClock())
        assert loader.waiting() == {"gateway": 1}
        assert loader.load(Batch(b"", (), (), (half(1, "gateway"),))).joined == 1
        assert loader.waiting() == {}


def test_halves_that_meet_in_two_commits_become_one_event_and_exact_totals(
    tmp_path: Path, postgres: Callable[[str], str], store_folder: Path
) -> None:
    """In any order, repeated, and released too early by either: as if one had stored all."""
    chance = random.Random(1)  # noqa: S311 - no secret depends on it
    given = [one for request in range(REQUESTS) for one in halves_of(request, chance)]
    shares = deal([*given, *chance.sample(given, k=len(given) // 4)], chance)

    whole = {name: [event(1000 + 100 * int(name) + at) for at in range(ROUNDS)] for name in shares}
    with Store.open(str(store_folder)) as store:
        loader = Loader(store, FakeClock())
        lines = ndjson([*whole["0"], *whole["1"]])
        loader.load(Batch(lines, (), (), tuple(given)))
        loader.release_recorded()
    alone = contents(str(store_folder))

    url = f"{postgres('join_at_once')}#data={tmp_path / 'data'}/"
    with Store.open(url) as store:
        seed(store, FakeClock())
    racers = []
    for name, share in shares.items():
        rounds = [
            ([_plain(one) for one in halves], ndjson([whole[name][at]]).decode())
            for at, halves in enumerate(share)
        ]
        path = tmp_path / f"rounds-{name}"
        path.write_text(json.dumps(rounds))
        racers.append(workers.start("join", url, name, path, tmp_path))
    busy = [workers.result(racer)[0] for racer in racers]

    assert sum(busy) > 0  # they did meet
    with Store.open(url) as store:
        waiting = store.frame("SELECT correlation_id FROM feed_joins WHERE waiting_for IS NOT NULL")
        assert set(waiting.to_series()) <= incomplete(given)
        Loader(store, FakeClock()).release_recorded()
    together = contents(url)
    assert together == alone
    assert len(alone["events"]) > REQUESTS


def _plain(one: FeedPart) -> dict[str, Any]:
    times = {"recorded_at": one.recorded_at, "received_at": one.received_at}
    return asdict(one) | {name: at.isoformat() for name, at in times.items()}
