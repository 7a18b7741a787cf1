"""Two consumers of one PostgreSQL catalog store halves of the same requests at the same moments."""

from __future__ import annotations

import json
import random
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import pytest

from analytics.load import Loader
from analytics.ratecard import seed
from analytics.store import Store
from analytics.types import Batch, FeedPart
from tests.analytics import workers
from tests.analytics.samples import FakeClock, event, ndjson

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

REQUESTS: Final = 60
ROUNDS: Final = 12
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


def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All that the halves came to, apart from when they were stored."""
    with Store.open(url, read_only=True) as store:
        found = {name: store.frame(query).rows() for name, query in SUMS.items()}
        return {"events": store.frame(EVENTS).rows(), **found}


@pytest.mark.parametrize("number", [1, 2])
def test_halves_that_meet_in_two_commits_become_one_event_and_exact_totals(
    number: int, tmp_path: Path, postgres: Callable[[str], str], store_folder: Path
) -> None:
    """In any order, repeated, and released too early by either: as if one had stored all."""
    chance = random.Random(number)  # noqa: S311 - no secret depends on it
    given = [one for request in range(REQUESTS) for one in halves_of(request, chance)]
    repeated = chance.sample(given, k=len(given) // 4)
    shares: dict[str, list[FeedPart]] = {"0": [], "1": []}
    for one in chance.sample([*given, *repeated], k=len(given) + len(repeated)):
        shares[chance.choice("01")].append(one)

    whole = {name: [event(1000 + 100 * int(name) + at) for at in range(ROUNDS)] for name in shares}
    with Store.open(str(store_folder)) as store:
        loader = Loader(store, FakeClock())
        lines = ndjson([*whole["0"], *whole["1"]])
        loader.load(Batch(lines, (), (), tuple(given)))
        loader.release_recorded()
    alone = contents(str(store_folder))

    url = f"{postgres(f'join_{number}')}#data={tmp_path / 'data'}/"
    with Store.open(url) as store:
        seed(store, FakeClock())
    racers = []
    for name, share in shares.items():
        rounds = [
            ([_plain(one) for one in share[at::ROUNDS]], ndjson([whole[name][at]]).decode())
            for at in range(ROUNDS)
        ]
        path = tmp_path / f"rounds-{name}"
        path.write_text(json.dumps(rounds))
        racers.append(workers.start("join", url, name, path, tmp_path))
    busy = [workers.result(racer)[0] for racer in racers]

    assert sum(busy) > 0  # they did meet
    together = contents(url)
    assert [row[:2] for row in together["joins"]] == [row[:2] for row in alone["joins"]]
    assert together == alone
    assert len(alone["events"]) > REQUESTS


def _plain(one: FeedPart) -> dict[str, Any]:
    times = {"recorded_at": one.recorded_at, "received_at": one.received_at}
    return asdict(one) | {name: at.isoformat() for name, at in times.items()}
