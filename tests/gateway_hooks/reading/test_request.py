"""What is read of requests, and how usage is asked for in their name."""

import json
from typing import Any

import pytest

from gateway_hooks.reading.operations import recognise
from gateway_hooks.reading.request import RequestFacts, ask_for_usage, read_request
from tests.gateway_hooks.wire_samples import CHAT, call

JSON = "application/json"


def body(**fields: Any) -> bytes:
    """A JSON body."""
    return json.dumps(fields).encode()


def test_chat_request() -> None:
    """Model, stream, tier and user are read; messages are left alone."""
    facts = read_request(
        CHAT,
        JSON,
        body(
            model="gpt-4o",
            messages=[{"role": "user", "content": "hello"}],
            stream=True,
            stream_options={"include_usage": True},
            service_tier="priority",
            user="jane",
        ),
    )
    assert facts == RequestFacts(
        model="gpt-4o", stream=True, include_usage=True, service_tier="priority", end_user="jane"
    )


def test_safety_identifier_is_the_newer_user() -> None:
    """Callers that follow the newer reference are told apart too."""
    assert read_request(CHAT, JSON, body(safety_identifier="s-1")).end_user == "s-1"


@pytest.mark.parametrize(
    "sent", [b"", b"not json", b"[]", b'"text"', b"null", b'{"model": 5, "stream": "yes"}']
)
def test_unreadable_body_says_nothing(sent: bytes) -> None:
    """A request that cannot be read still passes, with nothing known."""
    assert read_request(CHAT, JSON, sent) == RequestFacts()


def test_calls_without_usage_are_not_read() -> None:
    """Nothing is decoded of requests that charge nothing."""
    assert read_request(call("unknown"), JSON, body(model="gpt-4o")) == RequestFacts()


@pytest.mark.parametrize("sent", [{}, {"n": 0}, {"n": "three"}, {"n": None}])
def test_one_image_is_the_default(sent: dict[str, Any]) -> None:
    """An image request without a usable number asks for one image."""
    assert read_request(call("images/generations"), JSON, body(**sent)).images == 1


def test_image_request() -> None:
    """Number, size and quality are what DALL-E is charged by."""
    facts = read_request(
        call("images/generations"),
        JSON,
        body(prompt="a lighthouse", n=3, size="1024x1792", quality="hd"),
    )
    assert (facts.images, facts.image_size, facts.image_quality) == (3, "1024x1792", "hd")


def test_number_of_choices_is_no_number_of_images() -> None:
    """`n` of a chat asks for choices."""
    assert read_request(CHAT, JSON, body(n=3)).images is None


def test_speech_counts_characters_not_bytes() -> None:
    """Speech is charged by the character of its input."""
    facts = read_request(call("audio/speech"), JSON, body(model="tts-1", input="größer 🎈"))
    assert facts.characters == 8


def test_input_that_is_no_text_has_no_characters() -> None:
    """A malformed speech request is charged nothing rather than something made up."""
    assert read_request(call("audio/speech"), JSON, body(input=["a", "b"])).characters is None


def test_embedding_input_is_no_speech() -> None:
    """Only speech is counted in characters."""
    assert read_request(call("embeddings"), JSON, body(input="text")).characters is None


def test_streamed_speech() -> None:
    """Speech names its stream by another field."""
    assert read_request(call("audio/speech"), JSON, body(input="a", stream_format="sse")).stream


def form(**fields: str | bytes) -> tuple[str, bytes]:
    """A multipart form; bytes are files. Returns its content type and body."""
    parts = []
    for name, value in fields.items():
        head = f'--BOUND\r\nContent-Disposition: form-data; name="{name}"'
        if isinstance(value, bytes):
            head += f'; filename="{name}.wav"\r\nContent-Type: audio/wav'
            parts.append(head.encode() + b"\r\n\r\n" + value + b"\r\n")
        else:
            parts.append(f"{head}\r\n\r\n{value}\r\n".encode())
    return "multipart/form-data; boundary=BOUND", b"".join(parts) + b"--BOUND--\r\n"


def test_transcription_form() -> None:
    """The audio is kept for measuring it, with the name that tells its format."""
    content_type, sent = form(
        file=b"RIFF\r\n\x00data", model="whisper-1", response_format="verbose_json", stream="true"
    )
    facts = read_request(call("audio/transcriptions"), content_type, sent)
    assert facts.audio == b"RIFF\r\n\x00data"
    assert facts.audio_name == "file.wav"
    assert (facts.model, facts.response_format) == ("whisper-1", "verbose_json")
    assert facts.stream


def test_image_edit_form() -> None:
    """An edit asks for images by a form; the picture itself is not kept."""
    content_type, sent = form(image=b"\x89PNG", n="2", size="512x512", quality="low")
    facts = read_request(call("images/edits"), content_type, sent)
    assert (facts.images, facts.image_size, facts.image_quality) == (2, "512x512", "low")
    assert facts.audio is None


@pytest.mark.parametrize("wanted", ["", "0", "-3", "many", "99999", "٣"])
def test_image_edit_with_a_useless_number(wanted: str) -> None:
    """A number that makes no sense counts as one image."""
    content_type, sent = form(image=b"\x89PNG", n=wanted)
    assert read_request(call("images/edits"), content_type, sent).images == 1


def test_content_is_not_in_the_facts_text() -> None:
    """A traceback or log of the facts shows neither audio nor the user."""
    shown = repr(
        RequestFacts(model="m", end_user="jane", audio=b"secret", audio_name="private.wav")
    )
    assert "jane" not in shown
    assert "secret" not in shown
    assert "private" not in shown


class TestAskForUsage:
    """Usage is asked for where that works, and nowhere else."""

    def test_adds_the_option_and_nothing_else(self) -> None:
        """Every other value reaches the backend byte for byte."""
        sent = (
            b'{"messages": [{"role": "user",  "content": "h\\u0069"}], "stream": true, "x": 1.50}'
        )
        asked = ask_for_usage(CHAT, sent)
        assert asked is not None
        assert b'[{"role": "user",  "content": "h\\u0069"}]' in asked
        assert b"1.50" in asked
        decoded = json.loads(asked)
        assert decoded.pop("stream_options") == {"include_usage": True}
        assert decoded == json.loads(sent)

    def test_keeps_other_stream_options(self) -> None:
        """Options beside it survive, and a caller's no becomes a yes that is hidden later."""
        asked = ask_for_usage(
            CHAT,
            body(stream=True, stream_options={"include_usage": False, "include_obfuscation": True}),
        )
        assert asked is not None
        assert json.loads(asked)["stream_options"] == {
            "include_usage": True,
            "include_obfuscation": True,
        }

    def test_null_options_are_none(self) -> None:
        """Some clients send every field they know."""
        asked = ask_for_usage(CHAT, body(stream=True, stream_options=None))
        assert asked is not None
        assert json.loads(asked)["stream_options"] == {"include_usage": True}

    @pytest.mark.parametrize(
        "sent",
        [
            body(stream=False),
            body(),
            body(stream="true"),
            body(stream=True, stream_options={"include_usage": True}),
            body(stream=True, stream_options="all"),
            body(stream=True, data_sources=[{"type": "azure_search"}]),
            b"",
            b"broken",
            b"[]",
            b'{"stream": true, "temperature": NaN}',
            b'{"stream": true, "messages": [{"content": "\\ud83d"}]}',
            b'\xef\xbb\xbf{"stream": true}',
        ],
    )
    def test_leaves_bodies_alone_that_do_not_take_it(self, sent: bytes) -> None:
        """No stream, already asked, on the caller's data, or not quite JSON: nothing is changed."""
        assert ask_for_usage(CHAT, sent) is None

    @pytest.mark.parametrize(
        ("version", "takes_it"),
        [
            ("2023-05-15", False),
            ("2024-08-01-preview", False),
            ("2024-09-01-preview", True),
            ("2024-10-21", True),
            ("2025-04-01-preview", True),
            ("preview", True),
            ("latest", True),
            ("tomorrow", False),
        ],
    )
    def test_version_must_know_the_option(self, version: str, *, takes_it: bool) -> None:
        """Old api-versions refuse the option, so they are not asked."""
        asked = ask_for_usage(call(query=f"api-version={version}"), body(stream=True))
        assert (asked is not None) is takes_it

    def test_unknown_version_is_not_asked(self) -> None:
        """Without an api-version nobody knows what the backend takes."""
        assert ask_for_usage(call(query=""), body(stream=True)) is None

    @pytest.mark.parametrize("tail", ["extensions/chat/completions", "audio/speech", "embeddings"])
    def test_other_operations_have_no_such_option(self, tail: str) -> None:
        """Only chat and completions take the option."""
        assert ask_for_usage(call(tail), body(stream=True)) is None


def test_submitted_images_have_the_only_model_that_can_make_them() -> None:
    """DALL-E 2's body names no model, and its path no deployment: they are priced all the same."""
    call = recognise("POST", "/openai/images/generations:submit", "api-version=2023-06-01-preview")
    facts = read_request(call, "application/json", b'{"prompt": "a cat", "n": 2}')
    assert (facts.model, facts.images) == ("dall-e-2", 2)
