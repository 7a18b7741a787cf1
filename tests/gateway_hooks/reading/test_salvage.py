"""What is left of an answer that was cut."""

import json

import pytest

from gateway_hooks.reading.salvage import cut_texts, last_usage
from tests.gateway_hooks.wire_samples import chat_answer


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b'{"choices":[{"message":{"content":"Good mor', ["Good mor"]),
        (b'{"choices":[{"message":{"content":"a \\"b\\" c","ref', ['a "b" c']),
        (b'{"a":{"content" : "x"},"b":{"arguments":"{\\"y\\":', ["x", '{"y":']),
        (b'{"content":"caf\xc3', ["caf\ufffd"]),
        (b'{"content":"half an escape \\', ["half an escape "]),
        (b'{"content":null,"usage":', []),
        (b"<html>", []),
        (b"", []),
    ],
)
def test_texts_up_to_the_cut(data: bytes, texts: list[str]) -> None:
    """Everything that was generated and seen is saved, half characters included."""
    assert list(cut_texts(data)) == texts


def test_any_cut_of_an_answer_is_readable() -> None:
    """No place to cut an answer makes the search fail or find more than was there."""
    whole = json.dumps(chat_answer(), ensure_ascii=False).encode()
    for place in range(len(whole)):
        assert all("Good morning.".startswith(text) for text in cut_texts(whole[:place]))


@pytest.mark.parametrize(
    ("tail", "usage"),
    [
        (b'0.1]],"usage":{"total_tokens":4}}', {"total_tokens": 4}),
        (b'"usage" :\n {"a":{"b":1}},"tier":"def', {"a": {"b": 1}}),
        (b'"usage":{"a":1},"x":2,"usage":{"a":2}', {"a": 2}),
        (b'"usage":{"a":1},"usage":{"a":2', {"a": 1}),
        (b'"content":"the \\"usage\\":{\\"a\\":1} of "', None),
        (b'"usage":null,"usage":[1],"usage":' + b'{"a":' * 9000, None),
        (b"\xff\xfe", None),
        (b"", None),
    ],
)
def test_usage_in_the_end_of_an_answer(tail: bytes, usage: object) -> None:
    """The backend's own usage is found without the rest, and words about usage are not taken."""
    assert last_usage(tail) == usage
