"""Answers in one piece: every operation's own shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway_hooks.reading.operations import recognise
from gateway_hooks.reading.request import RequestFacts
from gateway_hooks.reading.usage import Usage, derived_usage
from tests.gateway_hooks.wire_samples import SAFE, call, chat_answer, read

WHISPER = call("audio/transcriptions")
IMAGES = call("images/generations")
RESPONSES = recognise("POST", "/openai/v1/responses", "")
ONE_IMAGE = RequestFacts(images=1)


def test_chat() -> None:
    """Everything an event wants of a chat answer."""
    facts = read(chat_answer(service_tier="default"))
    assert facts.usage is not None
    assert (facts.usage.source, facts.usage.input_tokens) == ("reported", 1200)
    assert (facts.response_id, facts.response_model) == ("chatcmpl-7", "gpt-4o-2024-08-06")
    assert facts.service_tier == "default"
    assert facts.finish_reasons == ["stop"]
    assert facts.content_filter == {"prompt": SAFE, "completion": SAFE}
    assert facts.complete


def test_text_is_dropped_when_usage_is_reported() -> None:
    """What was generated is not kept when nothing has to be counted."""
    assert read(chat_answer()).completion_text == []


@pytest.mark.parametrize("usage", [None, {}, "many", [], {"prompt_tokens": -1}])
def test_text_is_kept_for_the_estimate(usage: object) -> None:
    """Without usable usage the text is there to be counted, and not in any log."""
    facts = read(chat_answer(usage=usage))
    assert facts.usage is None
    assert facts.completion_text == ["Good morning."]
    assert "Good morning" not in repr(facts)


def test_choices_and_tool_calls() -> None:
    """Each choice, each call of a tool and each refusal is a text of its own."""
    answer = chat_answer(
        usage=None,
        choices=[
            {"index": 0, "finish_reason": "length", "message": {"content": "one"}},
            {
                "index": 1,
                "finish_reason": "tool_calls",
                "message": {
                    "content": None,
                    "tool_calls": [
                        {"function": {"name": "look", "arguments": '{"x":1}'}},
                        {"custom": {"name": "run", "input": "ls"}},
                    ],
                },
            },
            {"index": 2, "finish_reason": "stop", "message": {"refusal": "no"}},
            {
                "index": 3,
                "finish_reason": "function_call",
                "message": {"function_call": {"name": "old", "arguments": "{}"}},
            },
            {"index": 4, "message": {"content": [{"type": "text", "text": "parts"}]}},
            {"index": 5, "message": {"audio": {"data": "AAAA", "transcript": "spoken"}}},
        ],
    )
    facts = read(answer)
    assert facts.completion_text == [
        "one",
        'look{"x":1}',
        "runls",
        "no",
        "old{}",
        "parts",
        "spoken",
    ]
    assert facts.finish_reasons == ["length", "tool_calls", "stop", "function_call"]


def test_legacy_completion() -> None:
    """Completions have a text instead of a message."""
    answer = {
        "id": "cmpl-1",
        "choices": [{"index": 0, "text": "and so on", "finish_reason": "stop"}],
    }
    assert read(answer, call("completions")).completion_text == ["and so on"]


def test_embeddings_vectors_are_not_decoded() -> None:
    """A broken vector does not matter, because vectors are never looked at."""
    body = b'{"data":[{"embedding":[0.1,"broken",{}]}],"model":"ada","usage":{"prompt_tokens":8}}'
    facts = read(body, call("embeddings"))
    assert facts.usage == Usage("reported", input_tokens=8)
    assert facts.response_model == "ada"


def response(**more: Any) -> dict[str, Any]:
    """An answer of the responses API."""
    return {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "model": "gpt-5-2026-01-01",
        "error": None,
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "thinking"}]},
            {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]},
            {"type": "function_call", "name": "look", "arguments": "{}"},
            {"type": "message", "content": [{"type": "refusal", "refusal": "no"}]},
        ],
        "text": {"format": {"type": "text"}},
        "usage": {"input_tokens": 36, "output_tokens": 87, "total_tokens": 123},
        **more,
    }


def test_responses() -> None:
    """The responses API in one piece."""
    facts = read(response(), RESPONSES)
    assert facts.usage == Usage("reported", input_tokens=36, output_tokens=87)
    assert facts.finish_reasons == ["completed"]
    assert facts.error_code is None


def test_responses_without_usage() -> None:
    """What was generated is found in every kind of output item."""
    facts = read(response(usage=None), RESPONSES)
    assert facts.completion_text == ["thinking", "Hello", "look{}", "no"]


def test_incomplete_response_says_why() -> None:
    """The reason is worth more than the word incomplete."""
    answer = response(status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    assert read(answer, RESPONSES).finish_reasons == ["max_output_tokens"]


def test_failed_response() -> None:
    """A response can fail in an answer that succeeded."""
    answer = response(
        status="failed", usage=None, output=[], error={"code": "server_error", "message": "..."}
    )
    facts = read(answer, RESPONSES)
    assert (facts.error_code, facts.finish_reasons) == ("server_error", ["failed"])


def test_response_filters() -> None:
    """The responses API lists annotations by what they were made of."""
    filters = [
        {"source_type": "prompt", "content_filter_results": {"jailbreak": {"detected": True}}},
        {"source_type": "completion", "content_filter_results": SAFE},
        "nonsense",
    ]
    facts = read(response(content_filters=filters), RESPONSES)
    assert facts.content_filter == {
        "prompt": {"jailbreak": {"detected": True}},
        "completion": SAFE,
    }
    assert facts.prompt_shield is True


def test_dalle() -> None:
    """DALL-E says how many images there are and what the filter thought; nothing of usage."""
    image = {"url": "https://x", "revised_prompt": "p", "content_filter_results": SAFE}
    facts = read({"created": 1, "data": [image, {**image, "prompt_filter_results": SAFE}]}, IMAGES)
    assert (facts.usage, facts.images) == (None, 2)
    assert facts.content_filter == {"prompt": SAFE, "completion": SAFE}


def test_image_model_with_usage() -> None:
    """Image models report tokens, size and quality."""
    answer = {
        "data": [{"b64_json": "A" * 100_000}],
        "size": "1024x1536",
        "quality": "high",
        "usage": {"input_tokens": 50, "output_tokens": 6240, "total_tokens": 6290},
    }
    facts = read(answer, IMAGES, request=ONE_IMAGE)
    assert (facts.images, facts.image_size, facts.image_quality) == (1, "1024x1536", "high")
    assert facts.usage is not None
    assert facts.usage.image_output_tokens == 6240


@pytest.mark.parametrize("data", ["null", "5", "[1]", '[{"content_filter_results": 3}]', '{"a":1}'])
def test_strange_images(data: str) -> None:
    """Data that is no list of images raises nothing."""
    assert read(f'{{"data": {data}}}'.encode(), IMAGES).complete


def test_submitted_images() -> None:
    """A submission is answered with the operation to ask for later."""
    facts = read(
        {"id": "op-1", "status": "notRunning"},
        recognise("POST", "/openai/images/generations:submit", ""),
        status=202,
    )
    assert (facts.response_id, facts.usage) == ("op-1", None)


@pytest.mark.parametrize("duration", [9.5, "9.5"])
def test_verbose_transcription(duration: object) -> None:
    """The verbose form tells the audio's length, as a number or as a text."""
    answer = {"task": "transcribe", "duration": duration, "text": "secret", "segments": []}
    facts = read(answer, WHISPER)
    assert facts.usage == Usage("reported", audio_seconds=9.5)
    assert facts.completion_text == []


def test_usage_of_a_transcription_goes_before_its_duration() -> None:
    """What is charged is what usage says; a model charged by tokens is not charged by time too."""
    usage = {"type": "tokens", "input_tokens": 14, "output_tokens": 4, "total_tokens": 18}
    facts = read({"text": "a", "duration": 1.4, "usage": usage}, WHISPER)
    assert facts.usage == Usage("reported", input_tokens=14, output_tokens=4)


def test_plain_transcription_reports_nothing() -> None:
    """The short form leaves the length to the audio file."""
    assert read({"text": "hello"}, WHISPER).usage is None


class TestErrors:
    """Errors keep their type and code, and never their text."""

    def test_content_filter_on_the_wire(self) -> None:
        """The form backends really send."""
        inner = {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                "hate": {"filtered": True, "severity": "high"},
                "jailbreak": {"filtered": True, "detected": True},
                "custom_blocklists": [{"filtered": True, "id": "Secret list"}],
            },
        }
        error = {
            "message": "The response was filtered: my secret prompt",
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": inner,
        }
        facts = read({"error": error}, status=400)
        assert facts.error_code == "content_filter"
        assert facts.prompt_shield is True
        assert facts.content_filter == {
            "prompt": {
                "hate": {"filtered": True, "severity": "high"},
                "jailbreak": {"filtered": True, "detected": True},
                "custom_blocklists": {"filtered": True},
            }
        }
        assert "ecret" not in repr(facts)

    def test_content_filter_in_the_specification(self) -> None:
        """The form the specification says."""
        inner = {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_results": {"hate": SAFE["hate"]},
        }
        facts = read({"error": {"message": "x", "inner_error": inner}}, status=400)
        assert facts.error_code == "ResponsibleAIPolicyViolation"
        assert facts.content_filter == {"prompt": {"hate": SAFE["hate"]}}

    @pytest.mark.parametrize(
        ("body", "error_type", "error_code"),
        [
            (
                {"error": {"type": "invalid_request_error", "code": None}},
                "invalid_request_error",
                None,
            ),
            ({"error": {"code": 429, "message": "m"}}, None, "429"),
            ({"error": "Something went wrong with your prompt"}, None, None),
            ({"error": {"code": "a sentence that quotes the prompt"}}, None, None),
            ({"statusCode": 401, "message": "Access denied"}, None, None),
            ({"code": "DeploymentNotFound", "message": "m"}, None, "DeploymentNotFound"),
            ({"error": []}, None, None),
            ({"error": {"innererror": "x", "code": {}, "type": []}}, None, None),
        ],
    )
    def test_other_shapes(
        self, body: dict[str, Any], error_type: str | None, error_code: str | None
    ) -> None:
        """Gateways and backends wrap errors differently, or not at all."""
        facts = read(body, status=404)
        assert (facts.error_type, facts.error_code) == (error_type, error_code)

    @pytest.mark.parametrize("choices", [None, []])
    def test_error_with_status_200(self, choices: object) -> None:
        """Some gateways answer 200 with an error in it: nothing was generated."""
        facts = read({"error": {"code": "500", "message": "m"}, "choices": choices})
        assert (facts.error_code, facts.saw_content) == ("500", False)

    def test_throttling_by_the_backend(self) -> None:
        """The text of a 429 says which limit, and is gone afterwards."""
        message = "Requests to the ChatCompletions_Create Operation have exceeded token rate limit."
        facts = read({"error": {"code": "429", "message": message}}, status=429)
        assert (facts.throttle, facts.error_code) == ("token_rate", "429")
        assert "exceeded" not in repr(facts)

    def test_throttling_by_the_gateway(self) -> None:
        """API Management's own 429 has no error object; the backend never saw the request."""
        body = {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 5 seconds."}
        assert read(body, status=429).throttle == "gateway"

    def test_throttling_without_a_body(self) -> None:
        """A 429 is throttling even when nothing can be read of it."""
        headers = {"content-type": "text/plain", "x-ratelimit-remaining-tokens": "0"}
        assert read(b"slow down", status=429, headers=headers).throttle == "token_rate"


class TestBroken:
    """Answers that are cut, or are no answers."""

    def test_cut_answer(self) -> None:
        """What was generated before the cut is there to be counted."""
        whole = json.dumps(chat_answer()).encode()
        facts = read(whole[: whole.index(b" morning")])
        assert not facts.complete
        assert facts.completion_text == ["Good"]

    def test_cut_behind_the_usage(self) -> None:
        """A cut or a flaw elsewhere does not cost the usage that was reported."""
        whole = json.dumps(chat_answer()).encode()
        deep = whole[:-1] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        for body in (whole[:-1], whole.replace(b"{", b'{"":01,', 1)):
            assert read(body).usage == read(whole).usage
        assert read(deep[:-199_000]).usage == read(whole).usage

    def test_cut_error(self) -> None:
        """An error that was cut generated nothing, whatever words are in it."""
        assert (
            read(b'{"error": {"message": "x", "content": "my prom', status=400).completion_text
            == []
        )

    def test_web_page(self) -> None:
        """A proxy's page with status 200 has no content to count."""
        facts = read(b"<html>login</html>", headers={"content-type": "text/html"})
        assert (facts.usage, facts.completion_text) == (None, [])
        assert (facts.error_code, facts.saw_content) == ("web_page", False)
        assert derived_usage(call("chat/completions"), RequestFacts(), facts) == Usage("none")

    @pytest.mark.parametrize(("status", "length"), [(204, "5"), (200, "0")])
    def test_empty_answer(self, status: int, length: str) -> None:
        """An answer that says itself that nothing is in it charges nothing."""
        facts = read(b"", status=status, headers={"content-length": length})
        assert facts.error_code == "empty_answer"
        assert derived_usage(call("chat/completions"), RequestFacts(), facts) == Usage("none")

    @pytest.mark.parametrize("body", [b"[]", b"[1,2]", b"{}", b"{", b"{]", b'{"choices": 5}'])
    def test_foreign_json(self, body: bytes) -> None:
        """JSON of another shape says nothing and raises nothing."""
        assert read(body).usage is None

    def test_one_strange_value_does_not_cost_the_usage(self) -> None:
        """Not-a-number in the log probabilities stands beside a usage that counts."""
        body = b'{"choices":[{"logprobs":NaN}],"usage":{"prompt_tokens":3,"completion_tokens":4}}'
        assert read(body).usage == Usage("reported", input_tokens=3, output_tokens=4)

    def test_long_names_are_cut(self) -> None:
        """Names fit the event whatever the backend calls itself."""
        facts = read(chat_answer(id="i" * 999, model="m" * 999, service_tier="t" * 999))
        assert (facts.response_id, facts.response_model) == ("i" * 256, "m" * 256)
        assert facts.service_tier == "t" * 256
