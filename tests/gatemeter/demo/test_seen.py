"""The client's side of the books."""

from __future__ import annotations

from gatemeter.demo.seen import ClientBooks, Seen
from gatemeter.simulator import Entry, Used


def test_books_add_up_by_operation() -> None:
    """Every request counts, those that used nothing too."""
    books = ClientBooks()
    books.add(Seen("chat", input_tokens=9, output_tokens=5))
    books.add(Seen("chat", 429))
    books.add(Seen("transcription", audio_seconds=1.25))
    assert books.requests == 3
    assert books.operations()["chat"]["requests"] == 2
    assert books.operations()["chat"]["input_tokens"] == 9
    assert books.operations()["transcription"]["audio_seconds"] == 1.25


def test_what_no_answer_told_comes_from_the_providers_ledgers() -> None:
    """All lines of a request together: a try that failed was not billed and has none."""
    lines = [
        Entry("r", "chat", "d", "m", 200, "eastus", Used(input_tokens=9, output_tokens=5)),
    ]
    assert Seen.billed("chat", lines) == Seen("chat", input_tokens=9, output_tokens=5)
    assert Seen.billed("chat", [], 400) == Seen("chat", 400)
