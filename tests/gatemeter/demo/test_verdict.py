"""Two books, side by side."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from gatemeter.demo.verdict import StoredBooks, differences, report

CHAT: dict[str, float] = {"requests": 2, "input_tokens": 10, "output_tokens": 7}
SPEECH: dict[str, float] = {"requests": 1, "characters": 30}


def stored(**operations: dict[str, float]) -> StoredBooks:
    """What a store might hold."""
    return StoredBooks(
        operations=operations,
        events_stored=3,
        duplicates=1,
        dead_letters=0,
        throttled_attempts=4,
        throttled_requests=1,
        spend_usd=Decimal("0.123456789012345678"),
    )


def test_equal_books_agree() -> None:
    """A quantity that one side does not name is nought."""
    assert differences({"chat": CHAT}, {"chat": CHAT | {"images": 0}}) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"requests": 3}, "chat: clients saw 2 requests, the store has 3"),
        ({"input_tokens": 11}, "chat: clients saw 10 input tokens, the store has 11"),
        ({"output_tokens": 6}, "chat: clients saw 7 output tokens, the store has 6"),
        ({"images": 1}, "chat: clients saw 0 images, the store has 1"),
        ({"audio_seconds": 0.25}, "chat: clients saw 0 audio seconds, the store has 0.25"),
    ],
)
def test_one_unit_too_many_or_too_few_is_found(change: dict[str, float], says: str) -> None:
    """In any quantity."""
    assert differences({"chat": CHAT}, {"chat": CHAT | change}) == [says]


def test_operations_that_only_one_side_knows_are_found() -> None:
    """A lost event and an invented one."""
    assert differences({"speech": SPEECH}, {}) == [
        "speech: clients saw 1 requests, the store has 0",
        "speech: clients saw 30 characters, the store has 0",
    ]
    assert differences({}, {"other": {"requests": 1}}) == [
        "other: clients saw 0 requests, the store has 1"
    ]


def test_errors_that_cancel_out_in_the_totals_are_found() -> None:
    """Books are held against each other operation by operation."""
    client: dict[str, Any] = {"chat": CHAT, "responses": CHAT}
    swapped = {"chat": CHAT | {"input_tokens": 9}, "responses": CHAT | {"input_tokens": 11}}
    result = report(client, stored(**swapped))
    assert result["client_input_tokens"] == result["stored_input_tokens"] == 20
    assert result["agree"] is False
    assert len(result["differences"]) == 2


def test_the_report_has_both_sides_and_exact_money() -> None:
    """Spend is a decimal in a string, so that no reader rounds it."""
    result = report({"chat": CHAT, "speech": SPEECH}, stored(chat=CHAT, speech=SPEECH))
    assert result["agree"] is True
    assert result["spend_usd"] == "0.123456789012345678"
    assert (result["requests_sent"], result["events_stored"]) == (3, 3)
    assert (result["duplicates"], result["throttled_attempts"]) == (1, 4)
    assert result["by_operation"]["speech"]["client_characters"] == 30
    assert result["by_operation"]["chat"]["events"] == 2
