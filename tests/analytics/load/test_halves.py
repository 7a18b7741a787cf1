"""Halves of a request come to the same event in any order, and no token counts twice."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from analytics.load.halves import MOST, Half, put_together
from gateway_hooks.event import validate_line
from tests.analytics.samples import attempt, event

NOTHING: dict[str, Any] = {
    "usage_source": "none",
    "input_tokens": None,
    "cached_input_tokens": None,
    "output_tokens": None,
}


def gateway(*, ready: bool = False, **fields: Any) -> Half:
    """What a gateway log says of a request."""
    made = {"response_model": None, "stream": None, **NOTHING, **fields}
    return Half("gateway", "", 0, ready, json.dumps(event(1, **made)))


def tokens(request_id: str = "r", sequence: int = 0, *, ready: bool = False, **fields: Any) -> Half:
    """What an LLM log says of it."""
    made = {"key_name": None, "attempts": None, "operation": "other", "duration_ms": None, **fields}
    return Half("llm", request_id, sequence, ready, json.dumps(event(2, **made)))


def made(*halves: Half, overdue: bool = False) -> dict[str, Any]:
    """The event that these halves are."""
    line = put_together(halves, overdue=overdue).line
    assert line is not None
    return dict(validate_line(line))


def test_caller_and_outcome_come_from_one_half_and_tokens_from_the_other() -> None:
    """Each log is believed in what it knows."""
    one = made(gateway(), tokens(input_tokens=7, status_code=299))
    assert (one["key_name"], one["status_code"], one["event_id"]) == (
        "search-app",
        200,
        event(1)["event_id"],
    )
    assert (one["input_tokens"], one["usage_source"], one["operation"]) == (7, "reported", "chat")
    assert one["response_model"] == "gpt-4o-2024-11-20"


def test_what_is_missing_is_named() -> None:
    """The half that waits says what for; one that needs nothing does not wait."""
    assert put_together([gateway()], overdue=False).waiting_for == "llm"
    assert put_together([tokens()], overdue=False).waiting_for == "gateway"
    assert put_together([tokens()], overdue=True).waiting_for == "gateway"
    assert made(gateway(), overdue=True)["usage_source"] == "none"
    assert made(gateway(ready=True))["usage_source"] == "none"
    assert made(tokens(ready=True))["input_tokens"] == 1000


def test_a_record_without_tokens_is_not_the_half_that_is_waited_for() -> None:
    """A part of a split message may be silent; the part with the tokens comes later."""
    silent = tokens(sequence=1, **NOTHING)
    assert put_together([gateway(), silent], overdue=False).waiting_for == "llm"
    assert made(gateway(), silent, tokens())["input_tokens"] == 1000


def test_usage_that_the_gateway_half_knows_is_kept() -> None:
    """A logged body has details that the LLM log lacks."""
    known = gateway(usage_source="reported", input_tokens=5, output_tokens=1)
    assert made(known, tokens())["input_tokens"] == 5


def test_records_of_one_request_repeat_and_requests_add_up() -> None:
    """Parts of a message tell the same tokens; answers of a session tell their own."""
    assert made(gateway(), tokens("a"), tokens("a", 1))["input_tokens"] == 1000
    assert made(gateway(), tokens("a"), tokens("b"))["input_tokens"] == 2000
    assert made(gateway(), tokens("a"), tokens("b"), tokens("c"))["output_tokens"] == 300
    assert made(gateway(), tokens("a"), tokens(""))["input_tokens"] == 1000
    assert made(gateway(), tokens(""), tokens("", 1))["output_tokens"] == 100
    assert made(gateway(), tokens("a", input_tokens=MOST), tokens("b"))["input_tokens"] == MOST


def test_one_estimate_makes_the_sum_an_estimate() -> None:
    """A sum is worth what its worst part is."""
    one = made(gateway(), tokens("a"), tokens("b", usage_source="estimated"))
    assert one["usage_source"] == "estimated"


def test_the_deployment_reaches_the_attempt() -> None:
    """The backend's deployment is what is billed."""
    bare = gateway(deployment=None, attempts=[attempt(deployment=None)])
    assert made(bare, tokens(deployment="chat-2"))["attempts"][0]["deployment"] == "chat-2"


HALVES = [
    gateway(),
    gateway(ready=True, error_code="x"),
    gateway(usage_source="reported", input_tokens=3),
    tokens("a"),
    tokens("a", 1, **NOTHING),
    tokens("b", stream=True, usage_source="estimated"),
    tokens("", 2, response_model="gpt-4o-mini"),
    tokens("c", ready=True),
]


@given(data=st.data())
def test_order_and_repetition_make_no_difference(data: st.DataObject) -> None:
    """The event is a function of the set of halves."""
    chosen = data.draw(st.lists(st.sampled_from(HALVES), min_size=1, unique=True))
    again = data.draw(st.lists(st.sampled_from(chosen), max_size=3))
    shuffled = data.draw(st.permutations([*chosen, *again]))
    overdue = data.draw(st.booleans())
    verdict = put_together(shuffled, overdue=overdue)
    assert verdict == put_together(chosen, overdue=overdue)
    if verdict.line is not None:
        validate_line(verdict.line)
