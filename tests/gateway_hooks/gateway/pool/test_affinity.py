"""Who holds what."""

from __future__ import annotations

import pytest

from gateway_hooks.gateway.pool.affinity import Affinity, makes_items, new_item, wanted_item
from gateway_hooks.reading.operations import recognise


@pytest.mark.parametrize(
    ("method", "path", "body", "item"),
    [
        ("GET", "/openai/v1/responses/resp_12345678", None, "resp_12345678"),
        ("DELETE", "/openai/responses/resp_12345678", None, "resp_12345678"),
        ("GET", "/openai/v1/responses/resp_12345678/input_items", None, "resp_12345678"),
        ("GET", "/openai/operations/images/0a1b2c3d-0000", None, "0a1b2c3d-0000"),
        ("POST", "/openai/v1/responses", b'{"previous_response_id": "resp_1"}', "resp_1"),
        ("POST", "/openai/v1/responses", b'{"previous_response_id": null}', None),
        ("POST", "/openai/v1/responses", b'{"input": "previous_response_id"}', None),
        ("POST", "/openai/v1/responses", b'{"previous_response_id": ', None),
        ("POST", "/openai/v1/responses", b"", None),
        ("POST", "/openai/v1/chat/completions", b'{"previous_response_id": "resp_1"}', None),
    ],
)
def test_the_item_a_request_refers_to(
    method: str, path: str, body: bytes | None, item: str | None
) -> None:
    """By its path, or by the earlier response in its body."""
    assert wanted_item(recognise(method, path, ""), path, body) == item


def test_what_makes_items() -> None:
    """Responses and submitted images; nothing else is read for an id."""
    for path, makes in (
        ("/openai/v1/responses", True),
        ("/openai/images/generations:submit", True),
        ("/openai/v1/images/generations", False),
        ("/openai/v1/chat/completions", False),
    ):
        assert makes_items(recognise("POST", path, ""), path) is makes


def test_the_id_of_a_new_item_is_near_the_beginning() -> None:
    """Of a JSON body and of a stream's first event."""
    assert new_item(b'{"id": "resp_12345678", "object"') == "resp_12345678"
    event = b'event: response.created\ndata: {"type":"x","response":{"id":"resp_12345678","o'
    assert new_item(event) == "resp_12345678"
    assert new_item(b'{"id": "resp_123') is None


def test_the_oldest_are_forgotten() -> None:
    """The map does not grow without end; what is used again stays."""
    affinity = Affinity()
    for number in range(60_000):
        affinity.remember(f"r{number}", "a")
        affinity.remember("often", "b")
    assert affinity.holder("r0") is None
    assert affinity.holder("r59999") == "a"
    assert affinity.holder("often") == "b"
    assert affinity.holder(None) is None
