"""Values from the wire: what is taken, what is dropped, and that nothing raises."""

import msgspec
import pytest

from gateway_hooks.reading import wire


@pytest.mark.parametrize("value", [0, 1, 2**53])
def test_count_takes_whole_numbers(value: int) -> None:
    """A count is kept as it is, up to what an event holds."""
    assert wire.count(value) == value


@pytest.mark.parametrize("value", [-1, 2**53 + 1, 1.0, "12", True, None, [], {}, float("nan")])
def test_count_drops_everything_else(value: object) -> None:
    """What is no whole number is never guessed at, a boolean included."""
    assert wire.count(value) is None


def test_name_is_cut_to_what_an_event_takes() -> None:
    """A long name costs neither the event nor its other fields."""
    assert wire.name("x" * 1000) == "x" * 256


@pytest.mark.parametrize("value", ["", None, 5, [], {"a": 1}])
def test_name_needs_a_text(value: object) -> None:
    """What is no text, or an empty one, names nothing."""
    assert wire.name(value) is None


def test_name_is_always_encodable() -> None:
    """Half an emoji in a name cannot make the event's line fail later."""
    name = wire.name("deploy\ud83d")
    assert name is not None
    assert name.encode("utf-8").startswith(b"deploy")


@pytest.mark.parametrize("value", ["content_filter", "429", "a.b:c/d-e_F", "x" * 128])
def test_code_takes_words(value: str) -> None:
    """Error types and codes of all providers pass."""
    assert wire.code(value) == value


def test_code_takes_a_number() -> None:
    """Some gateways send the code as a number."""
    assert wire.code(429) == "429"


@pytest.mark.parametrize("value", ["tell me a secret", "x" * 129, "é", "", None, True, 1.5, 10**9])
def test_code_never_takes_sentences(value: object) -> None:
    """A prompt that a backend echoes in its error code does not get into an event."""
    assert wire.code(value) is None


@pytest.mark.parametrize(("value", "seconds"), [(8.5, 8.5), (3, 3.0), ("8.47", 8.47), (0, 0.0)])
def test_seconds_takes_numbers_and_their_text(value: object, seconds: float) -> None:
    """Durations have been sent both ways."""
    assert wire.seconds(value) == seconds


@pytest.mark.parametrize("value", [-1, "soon", "nan", "inf", float("nan"), 1e300, True, None])
def test_seconds_drops_what_is_no_time(value: object) -> None:
    """A duration that cannot be is no duration."""
    assert wire.seconds(value) is None


@pytest.mark.parametrize(
    ("data", "key", "value"),
    [
        (b'{"a": NaN, "b": 2}', "b", 2),
        (b'{"a": 1e999, "b": 2}', "b", 2),
        (b'\xef\xbb\xbf{"b": 2}', "b", 2),
        (b'{"b": "\\ud83d"}', "b", "?"),
        (b'{"b": "\xff"}', "b", "\ufffd"),
        (b'{"a": "\x00\n", "b": 2}', "b", 2),
    ],
)
def test_json_that_is_almost_right_is_read(data: bytes, key: str, value: object) -> None:
    """One bad value in an answer does not cost the usage that stands beside it."""
    decoded = wire.as_dict(wire.decode(data, wire.any_json))
    assert decoded[key] == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b'{"a": ',
        b'{"a": 1} x',
        b'{"a":' + b"[" * 100_000,
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a": ' + b"9" * 5000 + b"}x}",
    ],
)
def test_json_that_is_none_is_none(data: bytes) -> None:
    """Broken, foreign and hostile JSON ends as nothing, not as an exception."""
    assert wire.decode(data, wire.any_json) is None


def test_wrong_shape_is_none() -> None:
    """A list where an object is due is nothing."""
    assert wire.decode(b"[1]", msgspec.json.Decoder(dict[str, int])) is None
