"""Transcription, translation and speech of the simulator."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from openai.types.audio import Transcription, TranscriptionVerbose

from gatemeter.simulator import RunningSimulator
from gatemeter.simulator.audio import silence

Post = Callable[..., httpx.Response]


def send(
    http: httpx.Client, task: str, deployment: str = "whisper", **fields: str
) -> httpx.Response:
    """Upload two and a half seconds."""
    return http.post(
        f"/openai/deployments/{deployment}/audio/{task}",
        data=fields,
        files={"file": ("speech.wav", silence(2.5), "audio/wav")},
    )


@pytest.mark.parametrize("task", ["transcriptions", "translations"])
@pytest.mark.parametrize("form", ["json", "verbose_json", "text", "srt", "vtt"])
def test_every_response_format(
    simulator: RunningSimulator, http: httpx.Client, task: str, form: str
) -> None:
    """Each format is what its name says, and each is billed the length of the recording."""
    response = send(http, task, response_format=form)
    match form:
        case "json":
            assert Transcription.model_validate_json(response.content).text
            assert "duration" not in response.json()
        case "verbose_json":
            assert TranscriptionVerbose.model_validate_json(response.content).duration == 2.5
        case "srt":
            assert "00:00:00,000 --> 00:00:02,500" in response.text
        case "vtt":
            assert response.text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:02.500")
        case _:
            assert response.headers["content-type"].startswith("text/plain")
    (entry,) = simulator.ledger.entries(request_id=response.headers["apim-request-id"])
    assert entry.used.audio_seconds == 2.5
    assert entry.operation == task.removesuffix("s")


def test_token_priced_transcription_tells_its_usage(http: httpx.Client) -> None:
    """gpt-4o-transcribe counts heard audio as input tokens."""
    response = send(http, "transcriptions", "gpt-4o-transcribe")
    usage = Transcription.model_validate_json(response.content).usage
    assert usage is not None
    assert usage.type == "tokens"
    assert usage.input_token_details is not None
    assert usage.input_token_details.audio_tokens == 25


def test_token_priced_transcription_streams(http: httpx.Client) -> None:
    """Deltas, then the whole text with usage."""
    text = send(http, "transcriptions", "gpt-4o-transcribe", stream="true").text
    *deltas, done = (block for block in text.split("\n\n") if block)
    assert all(block.startswith("event: transcript.text.delta\n") for block in deltas)
    assert done.startswith("event: transcript.text.done\n")
    assert '"usage"' in done


def test_what_is_no_audio_is_refused(http: httpx.Client) -> None:
    """A file that cannot be read, and a form without one, are a 400."""
    path = "/openai/deployments/whisper/audio/transcriptions"
    noise = http.post(path, files={"file": ("noise.wav", b"not audio")})
    nothing = http.post(path, data={"language": "en"}, files={"other": ("x", b"")})
    assert (noise.status_code, nothing.status_code) == (400, 400)


@pytest.mark.parametrize(
    ("form", "start"), [("mp3", b"\xff\xfb"), ("wav", b"RIFF"), ("flac", b"RIFF")]
)
def test_speech_is_binary_and_billed_by_the_character(
    simulator: RunningSimulator, post: Post, form: str, start: bytes
) -> None:
    """The audio's type follows the request; the price follows the text, in characters."""
    response = post("tts-1", "audio/speech", input="Grüß Gott", voice="alloy", response_format=form)
    assert response.content.startswith(start)
    assert response.headers["content-type"].startswith("audio/")
    (entry,) = simulator.ledger.entries(request_id=response.headers["apim-request-id"])
    assert entry.used.characters == 9


@pytest.mark.parametrize(
    "body",
    [
        {"voice": "alloy"},
        {"input": "x", "voice": "nobody"},
        {"input": "x" * 4097, "voice": "alloy"},
        {"input": "x", "voice": "alloy", "response_format": "tape"},
    ],
)
def test_what_cannot_be_said_is_refused(post: Post, body: dict[str, str]) -> None:
    """Bad inputs, voices and formats are a 400."""
    assert post("tts-1", "audio/speech", **body).status_code == 400
