"""Hold the client's books against the store's: the two must agree to the last token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gatemeter.demo.seen import QUANTITIES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from analytics import Store

Sums = dict[str, dict[str, float]]

_KINDS: Final = dict.fromkeys(QUANTITIES, "BIGINT") | {"audio_seconds": "DOUBLE"}

_BY_OPERATION: Final = f"""
SELECT operation, count(*) AS requests,
  {", ".join(f"coalesce(sum({name}), 0)::{kind} AS {name}" for name, kind in _KINDS.items())}
FROM usage_events GROUP BY operation ORDER BY operation
"""  # noqa: S608 - made of our own column names
_TOTALS: Final = """
SELECT (SELECT count(*) FROM usage_events) AS events_stored,
  (SELECT coalesce(sum(cost), 0) FROM usage_events) AS spend,
  (SELECT count(*) FROM backend_attempts WHERE status_code = 429) AS throttled_attempts,
  (SELECT count(*) FROM usage_events WHERE throttled_by IS NOT NULL) AS throttled_requests
"""
_PIPELINE: Final = "SELECT duplicates, dead_letters FROM pipeline_health"


@dataclass(frozen=True, slots=True)
class StoredBooks:
    """What the store holds."""

    operations: Sums
    events_stored: int
    duplicates: int
    dead_letters: int
    throttled_attempts: int
    throttled_requests: int
    spend_usd: Decimal


def read_store(store: Store) -> StoredBooks:
    """Sum up a store by the views that analysts use."""
    operations: Sums = {}
    for row in store.frame(_BY_OPERATION).iter_rows(named=True):
        operations[row.pop("operation")] = row
    totals = store.frame(_TOTALS).row(0, named=True)
    pipeline = store.frame(_PIPELINE).row(0, named=True)
    return StoredBooks(
        operations=operations,
        events_stored=totals["events_stored"],
        duplicates=pipeline["duplicates"],
        dead_letters=pipeline["dead_letters"],
        throttled_attempts=totals["throttled_attempts"],
        throttled_requests=totals["throttled_requests"],
        spend_usd=totals["spend"],
    )


def differences(client: Sums, stored: Sums) -> list[str]:
    """Each quantity that the two books do not agree on, in words; empty when they agree."""
    found = []
    for operation in sorted({*client, *stored}):
        ours, theirs = client.get(operation, {}), stored.get(operation, {})
        for name in ("requests", *QUANTITIES):
            here, there = ours.get(name, 0), theirs.get(name, 0)
            if here != there:
                words = name.replace("_", " ")
                found.append(f"{operation}: clients saw {here:g} {words}, the store has {there:g}")
    return found


def report(client: Sums, stored: StoredBooks) -> dict[str, Any]:
    """Both books side by side, as the demo prints them."""
    by_operation = {
        operation: _side_by_side(client.get(operation, {}), stored.operations.get(operation, {}))
        for operation in sorted({*client, *stored.operations})
    }
    found = differences(client, stored.operations)
    return {
        "agree": not found,
        "differences": found,
        "requests_sent": _total(client, "requests"),
        "events_stored": stored.events_stored,
        "duplicates": stored.duplicates,
        "dead_letters": stored.dead_letters,
        "client_input_tokens": _total(client, "input_tokens"),
        "stored_input_tokens": _total(stored.operations, "input_tokens"),
        "client_output_tokens": _total(client, "output_tokens"),
        "stored_output_tokens": _total(stored.operations, "output_tokens"),
        "spend_usd": f"{stored.spend_usd:f}",
        "throttled_attempts": stored.throttled_attempts,
        "throttled_requests": stored.throttled_requests,
        "by_operation": by_operation,
    }


def _side_by_side(ours: Mapping[str, float], theirs: Mapping[str, float]) -> dict[str, float]:
    sides = {"requests": ours.get("requests", 0), "events": theirs.get("requests", 0)}
    for name in QUANTITIES:
        sides[f"client_{name}"] = ours.get(name, 0)
        sides[f"stored_{name}"] = theirs.get(name, 0)
    return sides


def _total(books: Sums, name: str) -> float:
    return sum(sums.get(name, 0) for sums in books.values())
