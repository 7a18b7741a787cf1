"""Usage of every shape, and what follows from a request when none is reported."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_hooks.reading.answer_facts import AnswerFacts
from gateway_hooks.reading.request import RequestFacts
from gateway_hooks.reading.usage import Usage, derived_usage, reported_usage
from tests.gateway_hooks.wire_samples import CHAT, CHAT_USAGE, call

IMAGES = call("images/generations")
WHISPER = call("audio/transcriptions")
SPEECH = call("audio/speech")
EMBEDDINGS = call("embeddings")


class TestReported:
    """The answer's own figures."""

    def test_chat(self) -> None:
        """Totals include their parts, as the event wants them."""
        assert reported_usage(CHAT, CHAT_USAGE) == Usage(
            "reported",
            input_tokens=1200,
            cached_input_tokens=1024,
            audio_input_tokens=0,
            output_tokens=340,
            reasoning_output_tokens=192,
            audio_output_tokens=0,
        )

    def test_responses(self) -> None:
        """The responses API has other names for the same."""
        usage = {
            "input_tokens": 90,
            "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 16},
            "output_tokens": 30,
            "output_tokens_details": {"reasoning_tokens": 20},
            "total_tokens": 120,
        }
        assert reported_usage(call("responses"), usage) == Usage(
            "reported",
            input_tokens=90,
            cached_input_tokens=64,
            cache_write_tokens=16,
            output_tokens=30,
            reasoning_output_tokens=20,
        )

    @pytest.mark.parametrize(
        "usage", [{"prompt_tokens": 8, "total_tokens": 8}, {"total_tokens": 8}]
    )
    def test_embeddings(self, usage: dict[str, int]) -> None:
        """Embeddings take tokens and give none."""
        assert reported_usage(EMBEDDINGS, usage) == Usage("reported", input_tokens=8)

    def test_image_tokens(self) -> None:
        """An image model's output is image tokens, also where it does not say so."""
        usage = {
            "input_tokens": 50,
            "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
            "output_tokens": 4160,
            "total_tokens": 4210,
        }
        assert reported_usage(IMAGES, usage) == Usage(
            "reported",
            input_tokens=50,
            image_input_tokens=40,
            output_tokens=4160,
            image_output_tokens=4160,
        )

    def test_image_output_with_text(self) -> None:
        """Where an image model tells its text output apart, it is kept apart."""
        usage = {
            "input_tokens": 5,
            "output_tokens": 100,
            "output_tokens_details": {"image_tokens": 80, "text_tokens": 20},
        }
        found = reported_usage(IMAGES, usage)
        assert found is not None
        assert (found.output_tokens, found.image_output_tokens) == (100, 80)

    def test_transcription_by_tokens(self) -> None:
        """Newer transcription models are charged by tokens."""
        usage = {
            "type": "tokens",
            "input_tokens": 14,
            "input_token_details": {"text_tokens": 0, "audio_tokens": 14},
            "output_tokens": 45,
            "total_tokens": 59,
        }
        assert reported_usage(WHISPER, usage) == Usage(
            "reported", input_tokens=14, audio_input_tokens=14, output_tokens=45
        )

    def test_transcription_by_duration(self) -> None:
        """Whisper says seconds."""
        assert reported_usage(WHISPER, {"type": "duration", "seconds": 9.2}) == Usage(
            "reported", audio_seconds=9.2
        )

    def test_spoken_tokens_are_audio(self) -> None:
        """What a speech model gives is sound."""
        found = reported_usage(SPEECH, {"input_tokens": 14, "output_tokens": 101})
        assert found is not None
        assert found.audio_output_tokens == 101

    def test_missing_total_follows_from_the_sum(self) -> None:
        """Two of three figures tell the third."""
        only_input = reported_usage(CHAT, {"prompt_tokens": 10, "total_tokens": 15})
        only_output = reported_usage(CHAT, {"completion_tokens": 5, "total_tokens": 15})
        assert only_input == only_output == Usage("reported", input_tokens=10, output_tokens=5)

    def test_reasoning_beside_the_output_is_added(self) -> None:
        """Models that report reasoning apart are brought to the same meaning."""
        usage = {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 115,
            "completion_tokens_details": {"reasoning_tokens": 100},
        }
        found = reported_usage(CHAT, usage)
        assert found is not None
        assert (found.output_tokens, found.reasoning_output_tokens) == (105, 100)

    def test_part_is_never_more_than_its_total(self) -> None:
        """A part larger than its total would make the rest negative, and money with it."""
        usage = {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 99},
            "completion_tokens_details": {"reasoning_tokens": 99},
        }
        found = reported_usage(CHAT, usage)
        assert found is not None
        assert (found.cached_input_tokens, found.reasoning_output_tokens) == (10, 5)

    @pytest.mark.parametrize("value", ["12", 1.5, -1, 2**60, True, None, [1], {"a": 1}])
    def test_useless_figures_are_not_taken(self, value: Any) -> None:
        """What is no count is left out, and the counts beside it stay."""
        usage = {
            "prompt_tokens": 7,
            "completion_tokens": value,
            "prompt_tokens_details": {"cached_tokens": value, "audio_tokens": 3},
            "completion_tokens_details": value,
        }
        assert reported_usage(CHAT, usage) == Usage(
            "reported", input_tokens=7, audio_input_tokens=3
        )

    @pytest.mark.parametrize(
        "usage",
        [
            None,
            [],
            "12",
            12,
            {},
            {"prompt_tokens": None, "completion_tokens": None},
            {"prompt_tokens": "9"},
            {"total_tokens": 9},
        ],
    )
    def test_nothing_usable_is_nothing_reported(self, usage: object) -> None:
        """Then an estimate is due instead of a zero."""
        assert reported_usage(CHAT, usage) is None

    def test_useless_duration(self) -> None:
        """A length that is none is not reported."""
        assert reported_usage(WHISPER, {"type": "duration", "seconds": -1}) is None


class TestDerived:
    """What follows from the request, when the answer reports nothing."""

    def test_dalle_is_charged_by_the_piece(self) -> None:
        """DALL-E reports no usage: the request says what to charge."""
        request = RequestFacts(images=2, image_size="1792x1024", image_quality="hd")
        assert derived_usage(IMAGES, request, AnswerFacts(200)) == Usage(
            "derived", images=2, image_size="1792x1024", image_quality="hd"
        )

    def test_what_a_request_leaves_out_is_dalles_default(self) -> None:
        """Size and quality are never blank, or the price would be."""
        assert derived_usage(IMAGES, RequestFacts(images=1), AnswerFacts(200)) == Usage(
            "derived", images=1, image_size="1024x1024", image_quality="standard"
        )

    def test_other_image_models_have_other_defaults(self) -> None:
        """A model that is charged by tokens is not given DALL-E's size."""
        request = RequestFacts(model="gpt-image-1", images=1)
        assert derived_usage(IMAGES, request, AnswerFacts(200)) == Usage("derived", images=1)

    def test_answer_knows_better_than_the_request(self) -> None:
        """Images that were not made are not charged."""
        request = RequestFacts(images=4, image_size="auto")
        answer = AnswerFacts(200, images=3, image_size="1024x1536", image_quality="high")
        assert derived_usage(IMAGES, request, answer) == Usage(
            "derived", images=3, image_size="1024x1536", image_quality="high"
        )

    def test_submitted_images_are_charged_at_submission(self) -> None:
        """DALL-E 2 answers 202 and makes the images later."""
        assert derived_usage(
            IMAGES, RequestFacts(images=2, image_size="512x512"), AnswerFacts(202)
        ) == Usage("derived", images=2, image_size="512x512", image_quality="standard")

    def test_speech_is_charged_by_characters(self) -> None:
        """The answer is sound and says nothing."""
        assert derived_usage(SPEECH, RequestFacts(characters=42), AnswerFacts(200)) == Usage(
            "derived", characters=42
        )

    def test_unreadable_speech_request(self) -> None:
        """Without a text nothing is known, and nothing is made up."""
        assert derived_usage(SPEECH, RequestFacts(), AnswerFacts(200)) == Usage("none")

    @pytest.mark.parametrize("status", [401, 403, 404, 429, 499, 500, 503])
    def test_failures_used_nothing(self, status: int) -> None:
        """A request that was refused or failed is not charged."""
        answer = AnswerFacts(status, error_code="content_filter")
        assert derived_usage(CHAT, RequestFacts(), answer) == Usage("none")

    def test_other_bad_requests_used_nothing(self) -> None:
        """A 400 is charged only when the content filter gave it."""
        answer = AnswerFacts(400, error_code="context_length_exceeded")
        assert derived_usage(CHAT, RequestFacts(), answer) == Usage("none")

    @pytest.mark.parametrize("code", ["content_filter", "ResponsibleAIPolicyViolation"])
    def test_filtered_prompt_is_to_be_estimated(self, code: str) -> None:
        """A refused prompt was read, so it is charged, but nobody says how long it was."""
        assert derived_usage(CHAT, RequestFacts(), AnswerFacts(400, error_code=code)) is None

    def test_filtered_image_is_not_charged(self) -> None:
        """No image was made."""
        answer = AnswerFacts(400, error_code="content_policy_violation")
        assert derived_usage(IMAGES, RequestFacts(images=1), answer) == Usage("none")

    def test_calls_without_usage(self) -> None:
        """Fetching a response is never charged, whatever it says."""
        assert derived_usage(call("nothing"), RequestFacts(), AnswerFacts(200)) == Usage("none")

    @pytest.mark.parametrize("tail", ["chat/completions", "embeddings", "audio/translations"])
    def test_success_without_usage_is_to_be_estimated(self, tail: str) -> None:
        """Tokens are counted and files are measured by the estimate."""
        assert derived_usage(call(tail), RequestFacts(), AnswerFacts(200)) is None

    @pytest.mark.parametrize("tail", ["chat/completions", "images/generations", "audio/speech"])
    def test_stream_that_failed_before_any_content(self, tail: str) -> None:
        """A 200 that turns into an error at once is not charged."""
        answer = AnswerFacts(200, error_code="server_error")
        request = RequestFacts(images=1, characters=5)
        assert derived_usage(call(tail), request, answer) == Usage("none")

    def test_stream_that_failed_after_content_is_to_be_estimated(self) -> None:
        """What was generated before the error is charged."""
        answer = AnswerFacts(200, error_code="server_error", saw_content=True)
        assert derived_usage(CHAT, RequestFacts(), answer) is None
