"""Estimates: complete, marked, and never made up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway_hooks.estimating.estimate import estimate_usage, rough_usage
from gateway_hooks.estimating.tokenizer import CL100K, O200K, count_tokens
from gateway_hooks.reading.answer_facts import AnswerFacts
from gateway_hooks.reading.operations import Call
from gateway_hooks.reading.request import RequestFacts, read_request
from gateway_hooks.reading.usage import Usage
from tests.gateway_hooks.audio_samples import wav
from tests.gateway_hooks.wire_samples import CHAT, DONE, call, chunk, frame, read

HELLO = {"messages": [{"role": "user", "content": "hi there"}]}
LATIN = "Gallia est omnis divisa in partes tres"
COMPLETIONS = call("completions")
WHISPER = call("audio/transcriptions")


def estimate(of: Call, body: dict[str, Any] | bytes, answer: AnswerFacts) -> Usage:
    """An estimate from what was sent and what was read of the answer."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return estimate_usage(of, sent, read_request(of, "application/json", sent), answer)


def test_stream_without_usage() -> None:
    """Prompt and text are counted with the model's tokenizer and marked."""
    answer = read([frame(chunk({"content": part})) for part in ("Gallia est ", "omnis")] + [DONE])
    assert estimate(CHAT, HELLO, answer) == Usage(
        "estimated", input_tokens=9, output_tokens=count_tokens("Gallia est omnis", O200K)
    )


def test_filtered_prompt() -> None:
    """A refused prompt counts its input and no output."""
    refusal = {"error": {"code": "content_filter", "innererror": {}}}
    answer = read(refusal, status=400)
    assert estimate(CHAT, HELLO, answer) == Usage("estimated", input_tokens=9, output_tokens=0)


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_refused_requests_used_nothing(status: int) -> None:
    """Asking for an estimate of a failure gives none."""
    assert estimate(CHAT, HELLO, AnswerFacts(status)) == Usage("none")


def test_client_that_left_early() -> None:
    """The prompt was taken on, so it counts, although nothing came back."""
    assert estimate(CHAT, HELLO, read([])) == Usage("estimated", input_tokens=9, output_tokens=0)


def test_web_page_instead_of_an_answer() -> None:
    """No model was asked, so nothing is charged."""
    answer = read(b"<html>" + b"x" * 5000, headers={"content-type": "text/html"})
    assert estimate(CHAT, HELLO, answer) == Usage("none")


def test_the_served_model_decides_the_vocabulary() -> None:
    """A deployment's name says nothing; the answer says what served."""
    body = {"input": LATIN}
    old = AnswerFacts(200, response_model="text-embedding-ada-002")
    new = AnswerFacts(200, response_model="gpt-4o")
    assert estimate(call("embeddings"), body, old).input_tokens == count_tokens(LATIN, CL100K)
    assert estimate(call("embeddings"), body, new).input_tokens == count_tokens(LATIN, O200K)
    assert count_tokens(LATIN, CL100K) != count_tokens(LATIN, O200K)


def test_embeddings_have_no_output() -> None:
    """Not even zero: there is no such thing."""
    found = estimate(call("embeddings"), {"input": [1, 2, 3]}, AnswerFacts(200))
    assert found == Usage("estimated", input_tokens=3)


def test_all_choices_and_calls_count() -> None:
    """Each text is counted by itself and all of them are charged."""
    answer = AnswerFacts(200, completion_text=["hi", "hi", 'look{"a":1}'])
    expected = 2 * count_tokens("hi", O200K) + count_tokens('look{"a":1}', O200K)
    assert estimate(CHAT, HELLO, answer).output_tokens == expected


def test_text_that_was_not_kept_counts_by_length() -> None:
    """An answer too long to keep is not an answer for free."""
    answer = AnswerFacts(200, completion_text=["hi"], unread_characters=4000)
    assert estimate(CHAT, HELLO, answer).output_tokens == 1001


@pytest.mark.parametrize(
    ("more", "text", "counted"),
    [
        ({}, "one two", "one two"),
        ({"echo": True}, "Say: one two", " one two"),
        ({"echo": True, "prompt": ["no", "Say:"]}, "Say: one two", " one two"),
        ({"echo": True, "prompt": [1, 2]}, "one two", "one two"),
        ({"echo": True}, "one two", "one two"),
    ],
)
def test_echoed_prompt_is_not_output(more: dict[str, Any], text: str, counted: str) -> None:
    """A prompt that is repeated in the answer was not generated."""
    answer = AnswerFacts(200, completion_text=[text])
    found = estimate(COMPLETIONS, {"prompt": "Say:", **more}, answer)
    assert found.output_tokens == count_tokens(counted, O200K)


@pytest.mark.parametrize(
    ("more", "factor"),
    [
        ({"best_of": 3}, 3),
        ({"best_of": 4, "n": 2}, 2),
        ({"best_of": 1}, 1),
        ({"best_of": 1, "n": 2}, 1),
        ({"best_of": "x"}, 1),
        ({"best_of": 10**9}, 128),
    ],
)
def test_candidates_that_were_thrown_away(more: dict[str, Any], factor: int) -> None:
    """With best_of all candidates are charged, seen or not."""
    answer = AnswerFacts(200, completion_text=["one two three four"])
    found = estimate(COMPLETIONS, {"prompt": "a", **more}, answer)
    assert found.output_tokens == count_tokens("one two three four", O200K) * factor


def test_images_in_the_prompt_are_told_apart() -> None:
    """Tokens of images are part of the input and named."""
    image = {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}
    found = estimate(CHAT, {"messages": [{"role": "user", "content": [image]}]}, AnswerFacts(200))
    assert (found.input_tokens, found.image_input_tokens) == (92, 85)


class TestAudio:
    """Transcriptions are charged by the length of the file."""

    def test_length_is_derived(self) -> None:
        """The file is measured."""
        request = RequestFacts(audio=wav(2.5), audio_name="a.wav")
        assert estimate_usage(WHISPER, b"", request, AnswerFacts(200)) == Usage(
            "derived", audio_seconds=2.5
        )

    def test_file_that_cannot_be_measured_is_guessed(self) -> None:
        """A guess that is marked is better than nothing charged."""
        request = RequestFacts(audio=b"?" * 32_000)
        assert estimate_usage(WHISPER, b"", request, AnswerFacts(200)) == Usage(
            "estimated", audio_seconds=2.0
        )

    def test_no_file(self) -> None:
        """Nothing to hear, nothing to charge."""
        assert estimate_usage(WHISPER, b"", RequestFacts(), AnswerFacts(200)) == Usage("none")

    def test_rough_length(self) -> None:
        """Without time the size has to do."""
        request = RequestFacts(audio=wav(2.5))
        found = rough_usage(WHISPER, b"", request, AnswerFacts(200))
        assert found.source == "estimated"
        assert found.audio_seconds == pytest.approx(2.5, rel=0.01)


def test_what_follows_from_the_request_is_not_estimated() -> None:
    """Images and characters are exact."""
    request = RequestFacts(images=2, image_size="512x512", image_quality="hd")
    assert estimate_usage(call("images/generations"), b"", request, AnswerFacts(200)) == Usage(
        "derived", images=2, image_size="512x512", image_quality="hd"
    )


@pytest.mark.parametrize("body", [b"", b"broken", b"[]", b"null", b'{"messages": 5}'])
def test_unreadable_request(body: bytes) -> None:
    """What was generated counts although the prompt cannot be read."""
    answer = AnswerFacts(200, completion_text=["hi"])
    found = estimate(CHAT, body, answer)
    assert (found.source, found.output_tokens) == ("estimated", 1)


def test_rough_estimate_needs_no_tokenizer() -> None:
    """Four bytes a token, rounded up, over texts and not over the body's JSON or images."""
    picture = "data:image/png;base64," + "A" * 100_000
    body = {
        "messages": [
            {"role": "user", "content": "x" * 400},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": picture}}]},
        ]
    }
    found = rough_usage(
        CHAT, json.dumps(body).encode(), RequestFacts(), AnswerFacts(200, completion_text=["é" * 6])
    )
    assert found.source == "estimated"
    assert found.output_tokens == 3
    assert found.input_tokens == (3 + 1 + 100) + (3 + 1 + 765) + 3


def test_missing_vocabulary_leads_to_a_rough_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    """An incomplete installation still estimates."""
    from gateway_hooks.estimating import tokenizer

    monkeypatch.setattr(
        tokenizer, "_VOCABULARIES", {"o200k_base": tokenizer._Vocabulary("0", "", {})}
    )
    tokenizer._load.cache_clear()
    try:
        found = estimate(CHAT, HELLO, AnswerFacts(200))
    finally:
        tokenizer._load.cache_clear()
    assert found == Usage("estimated", input_tokens=3 + 1 + 2 + 3, output_tokens=0)
