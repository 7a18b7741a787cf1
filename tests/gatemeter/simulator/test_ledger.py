"""The ledger of what was billed."""

from __future__ import annotations

from dataclasses import replace

from gatemeter.simulator import Entry, Ledger, Used


def entry(request_id: str, operation: str = "chat", **used: float) -> Entry:
    """A line of the ledger."""
    return Entry(
        request_id=request_id,
        operation=operation,
        deployment="d",
        model="m",
        status_code=200,
        region="eastus",
        used=Used(**used),  # type: ignore[arg-type]  # counts and seconds alike
    )


def test_totals_add_up_by_operation() -> None:
    """Requests and quantities are summed for each operation by itself."""
    ledger = Ledger()
    ledger.add(entry("a", input_tokens=3, output_tokens=4))
    ledger.add(entry("b", input_tokens=5))
    ledger.add(entry("c", "transcription", audio_seconds=1.5))
    totals = ledger.totals()
    assert totals["chat"]["requests"] == 2
    assert totals["chat"]["input_tokens"] == 8
    assert totals["transcription"]["audio_seconds"] == 1.5


def test_lines_are_found_by_any_field() -> None:
    """A request is found by its id, and as plain data its quantities stand beside the rest."""
    ledger = Ledger()
    ledger.add(entry("a", characters=7))
    ledger.add(entry("b"))
    (found,) = ledger.entries(request_id="a")
    assert found.as_dict()["characters"] == 7
    assert "used" not in found.as_dict()
    assert ledger.entries(request_id="z") == []


def test_the_lines_of_a_callers_request_are_found_until_they_are_forgotten() -> None:
    """By the id that the caller gave it, as long as the ledger reaches back."""
    ledger = Ledger(kept=2)
    for number in range(3):
        ledger.add(replace(entry(str(number)), client_request_id=f"c{number}"))
    assert ledger.of_client_request("c0") == []
    assert [line.request_id for line in ledger.of_client_request("c2")] == ["2"]
    assert len(ledger.entries()) == 2
    ledger.clear()
    assert ledger.of_client_request("c2") == []


def test_an_unfinished_stream_cannot_have_thought_more_than_it_sent() -> None:
    """Reasoning stays inside the output when a stream ends early."""
    used = Used(output_tokens=100, reasoning_output_tokens=64).with_output(10)
    assert (used.output_tokens, used.reasoning_output_tokens) == (10, 10)
