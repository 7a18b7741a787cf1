"""The fast path and the event's definition agree on what an event is."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import ValidationError

from analytics.errors import BadLines
from analytics.load.stage import stage
from analytics.types import Batch
from gateway_hooks.event import validate_line
from tests.analytics.samples import attempt, event, load, ndjson
from tests.analytics.strategies import batches

if TYPE_CHECKING:
    from analytics.load import Loader
    from analytics.store import Store

_LONG = "x" * 257


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(made=batches())
def test_whatever_the_definition_accepts_is_stored_with_the_same_values(
    loader: Loader, store: Store, made: list[dict[str, Any]]
) -> None:
    """No valid event is refused, and none changes on the way into its row."""
    for one in made:
        validate_line(json.dumps(one))
    loader.load(Batch(ndjson(made), (), validated=True))
    ids = [one["event_id"] for one in made]
    rows = store.frame(
        "SELECT * EXCLUDE (content_filter), content_filter::VARCHAR AS content_filter "
        "FROM events WHERE list_contains($1, event_id)",
        [ids],
    )
    calls = store.frame(
        "SELECT * FROM attempts WHERE list_contains($1, event_id) ORDER BY attempt", [ids]
    )
    stored = {row["event_id"]: row for row in rows.iter_rows(named=True)}
    assert stored.keys() == set(ids)
    for one in made:
        mine = [row for row in calls.iter_rows(named=True) if row["event_id"] == one["event_id"]]
        _compare(one, stored[one["event_id"]], mine)


def _compare(made: dict[str, Any], row: dict[str, Any], calls: list[dict[str, Any]]) -> None:
    expected = {name: _as_stored(value) for name, value in made.items() if name != "attempts"}
    assert {name: _plain(name, row[name]) for name in expected} == expected
    absent = row.keys() & _own_columns() - made.keys()
    assert [name for name in absent if row[name] is not None] == []
    # An aggregate stands for many requests; what one call to a backend did, it cannot say.
    attempts = [] if made.get("aggregate") else made.get("attempts", [])
    assert len(calls) == len(attempts)
    for one, call in zip(attempts, calls, strict=True):
        assert {name: call[name] for name in one} == {n: _as_stored(v) for n, v in one.items()}


def _own_columns() -> set[str]:
    from analytics.load.shape import columns

    # The store has better to say about these than the event's own field of the name.
    return set(columns()) - {"attempts"}


def _as_stored(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_as_stored(item) for item in value]
    if isinstance(value, dict):
        return {_as_stored(name): _as_stored(item) for name, item in value.items()}
    return value


def _known(decision: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in decision.items() if value is not None}


def _plain(name: str, value: Any) -> Any:
    if name == "started_at":
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")
    if name == "decisions":
        return [_known(decision) for decision in value]
    return json.loads(value) if name == "content_filter" else value


@pytest.mark.parametrize(
    "broken",
    [
        event(event_id="01932b1e-0000-4000-8abc-000000000000"),
        event(event_id=None),
        event(schema_version=2),
        event(started_at="2026-11-21 09:00:00"),
        event(started_at=None),
        event(operation="juggling"),
        event(usage_source=None),
        event(status_code=99),
        event(status_code=200.5),
        event(input_tokens=-1),
        event(input_tokens=1.5),
        event(input_tokens=2**54),
        event(duration_ms=-0.1),
        event(duration_ms=math.nan),
        event(team=_LONG),
        event(tags={"env": _LONG}),
        event(tags={_LONG: "prod"}),
        event(tags={"env": None}),
        event(finish_reasons=["stop", None]),
        event(finish_reasons="stop"),
        event(content_filter={"prompt": {"hate": {"text": "what was said"}}}),
        event(content_filter={"prompt": {"hate": {"severity": "terrible"}}}),
        event(content_filter={"elsewhere": {}}),
        event(content_filter=["hate"]),
        event(decisions=[{"policy": "budgets"}]),
        event(decisions=[{"policy": "budgets", "action": "shrugged"}]),
        event(decisions=[{"policy": _LONG, "action": "denied"}]),
        event(decisions=[None]),
        event(decisions={"policy": "budgets", "action": "denied"}),
        event(attempts=[attempt(backend=None)]),
        event(attempts=[attempt(status_code=700)]),
        event(attempts=[attempt(throttle="sometimes")]),
        event(attempts=[attempt(remaining_tokens=1.5)]),
        event(attempts=[None]),
        event(attempts={"backend": "a"}),
    ],
)
def test_what_the_definition_refuses_is_refused(broken: dict[str, Any]) -> None:
    """The fast path lets nothing through that the event's definition does not allow."""
    line = json.dumps(broken)
    with pytest.raises(ValidationError):
        validate_line(line)
    with duckdb.connect() as connection, pytest.raises(BadLines):
        stage(connection, line.encode())


@pytest.mark.parametrize(
    "broken",
    [
        event(team={"note": "what was asked"}),
        event(request_id=["what", "was asked"]),
        event(tags={"env": {"prompt": "what was asked"}}),
        event(finish_reasons=[{"text": "what was answered"}]),
        event(
            decisions=[{"policy": "a", "action": "denied", "reason": {"text": "what was asked"}}]
        ),
        event(attempts=[attempt(error_type={"message": "what was asked"})]),
    ],
)
def test_an_object_is_no_text(broken: dict[str, Any]) -> None:
    """What a broken gateway puts in a text's place is looked at by the definition, not stored."""
    with pytest.raises(ValidationError):
        validate_line(json.dumps(broken))
    with duckdb.connect() as connection, pytest.raises(BadLines):
        stage(connection, ndjson([broken]))


def test_a_text_that_looks_like_json_is_stored_once_it_was_validated(
    loader: Loader, store: Store
) -> None:
    """Brackets in a name only cost the detour over the definition."""
    made = event(team="[ops]", tags={"env": "{prod}"})
    with pytest.raises(BadLines):
        load(loader, made)
    assert loader.load(Batch(ndjson([made]), (), validated=True)).stored == 1
    assert store.frame("SELECT team FROM events").item() == "[ops]"


def test_dates_that_do_not_exist_are_refused() -> None:
    """The definition checks a time's digits only; a store needs a time."""
    for started_at in ("2026-02-30T00:00:00.000000Z", "0000-00-00T00:00:00.000000Z"):
        with duckdb.connect() as connection, pytest.raises(BadLines):
            stage(connection, ndjson([event(started_at=started_at)]))


def test_keys_of_a_newer_gateway_are_passed_over(loader: Loader, store: Store) -> None:
    """A consumer that is older than its gateways goes on storing what it knows."""
    newer = event(1, colour="blue", attempts=[attempt(mood="good")])
    assert load(loader, newer).stored == 1
    assert store.frame("SELECT team FROM events").item() == "search"
