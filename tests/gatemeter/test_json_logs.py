"""Logs for machines: one object a line, and nothing in it that an exception quotes."""

from __future__ import annotations

import json
import logging
import sys

from gatemeter.json_logs import JsonFormatter, without_quotations


def test_fields_of_a_record_have_their_own_keys() -> None:
    """A collector need not take a message apart."""
    record = logging.LogRecord("ingest.status", logging.INFO, "f", 1, "status", (), None)
    record.lag_bytes = 1_500_000
    entry = json.loads(JsonFormatter().format(record))
    assert (entry["message"], entry["level"], entry["lag_bytes"]) == ("status", "info", 1_500_000)
    assert entry["time"].endswith("+00:00")


def test_a_logged_error_has_its_places_but_no_values() -> None:
    """What an exception quotes may be from a line."""

    def fail() -> None:
        raise ValueError("cannot read 'my secret prompt' here")

    try:
        fail()
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "stopped", (), sys.exc_info())
    text = JsonFormatter().format(record)
    assert "secret" not in text
    assert json.loads(text)["error"] == "ValueError: cannot read [...] here"
    assert "test_json_logs.py" in text


def test_library_messages_lose_what_they_quote() -> None:
    """The message of an unknown error may quote a line."""
    message = """Conversion Error: "canary" in 'canary' of {"a": "canary"}"""
    assert without_quotations(message).startswith("Conversion Error: [...] in [...] of")
    assert "canary" not in without_quotations(message)
