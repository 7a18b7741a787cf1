"""POST audio/transcriptions, audio/translations and audio/speech."""

from __future__ import annotations

import io
import math
import wave
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import UploadFile
from tinytag import TinyTag, TinyTagException

from gatemeter.simulator import errors, tokens
from gatemeter.simulator.answers import Frame, named_sse
from gatemeter.simulator.call import answer_rng
from gatemeter.simulator.ledger import Used
from gatemeter.simulator.words import filler

if TYPE_CHECKING:
    from starlette.responses import Response

    from gatemeter.simulator.call import Call

FORMATS: Final = ("json", "verbose_json", "text", "srt", "vtt")
_VOICES: Final = (
    "alloy",
    "ash",
    "ballad",
    "cedar",
    "coral",
    "echo",
    "fable",
    "marin",
    "nova",
    "onyx",
    "sage",
    "shimmer",
    "verse",
)
_LONGEST_INPUT: Final = 4096
_MEDIA_TYPES: Final = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
# One frame of silence, MPEG-1 Layer III, 32 kbit/s at 32 kHz, 36 ms.
_SILENT_FRAME: Final = b"\xff\xfb\x18\xc4" + bytes(140)


async def transcribe(call: Call) -> Response:
    """Write down what was said, in its own language."""
    return await _listen(call, task="transcribe", language=_field(call, "language") or "english")


async def translate(call: Call) -> Response:
    """Write down what was said, in English."""
    return await _listen(call, task="translate", language="english")


async def _listen(call: Call, *, task: str, language: str) -> Response:
    upload = call.form.get("file")
    if not isinstance(upload, UploadFile):
        raise errors.bad_request("Missing required parameter: 'file'.", "file")
    data = await upload.read()
    seconds = audio_seconds(data, upload.filename or "")
    if seconds is None:
        raise errors.bad_request("Audio file might be corrupted or unsupported", "file")
    wanted = _field(call, "response_format") or "json"
    if wanted not in FORMATS:
        raise errors.bad_request(
            f"Invalid 'response_format': one of {', '.join(FORMATS)}.", "response_format"
        )
    call.rng = answer_rng(call.resource.config.seed, call.deployment.name, data)
    text = filler(call.rng, max(3, round(seconds * 2.5)))
    if call.model.startswith("gpt-4o"):
        return _with_tokens(call, text, seconds)
    return _timed(call, text, seconds, wanted, {"task": task, "language": language})


def _timed(call: Call, text: str, seconds: float, wanted: str, labels: dict[str, Any]) -> Response:
    """Whisper's answer: priced by the second, which only verbose_json tells."""
    used = Used(audio_seconds=seconds)
    plain = "text/plain; charset=utf-8"
    match wanted:
        case "json":
            return call.reply({"text": text}, used)
        case "verbose_json":
            segment = _segment(text, seconds)
            payload = labels | {"duration": seconds, "text": text, "segments": [segment]}
            return call.reply(payload, used)
        case "text":
            return call.reply_bytes(f"{text}\n".encode(), plain, used)
        case "srt":
            cue = f"1\n{_stamp(0, ',')} --> {_stamp(seconds, ',')}\n{text}\n\n"
            return call.reply_bytes(cue.encode(), plain, used)
        case _:
            cue = f"WEBVTT\n\n{_stamp(0, '.')} --> {_stamp(seconds, '.')}\n{text}\n\n"
            return call.reply_bytes(cue.encode(), plain, used)


def _with_tokens(call: Call, text: str, seconds: float) -> Response:
    """gpt-4o-transcribe's answer: priced by tokens, streamed when asked to."""
    heard = tokens.audio_tokens(seconds)
    hint = tokens.count(call.model, _field(call, "prompt") or "")
    used = Used(
        input_tokens=heard + hint,
        audio_input_tokens=heard,
        output_tokens=tokens.count(call.model, text),
    )
    usage = {
        "type": "tokens",
        "input_tokens": used.input_tokens,
        "input_token_details": {"text_tokens": hint, "audio_tokens": heard},
        "output_tokens": used.output_tokens,
        "total_tokens": used.input_tokens + used.output_tokens,
    }
    if _field(call, "stream") in {"true", "True", "1"}:
        frames: list[Frame] = [
            named_sse({"type": "transcript.text.delta", "delta": piece}, tokens=1)
            for piece in tokens.pieces(call.model, text)
        ]
        done: dict[str, Any] = {"type": "transcript.text.done", "text": text}
        if call.fault != "no-usage":
            done["usage"] = usage
        return call.stream([*frames, named_sse(done)], used)
    return call.reply({"text": text, "usage": usage}, used)


async def speak(call: Call) -> Response:
    """Read a text aloud: silence here, as long as speech would be; priced by the character."""
    text = call.body.get("input")
    if not isinstance(text, str) or not text:
        raise errors.bad_request("Missing required parameter: 'input'.", "input")
    if len(text) > _LONGEST_INPUT:
        raise errors.bad_request(f"String should have at most {_LONGEST_INPUT} characters", "input")
    if call.body.get("voice") not in _VOICES:
        raise errors.bad_request(f"Input should be one of {', '.join(_VOICES)}", "voice")
    wanted = call.body.get("response_format") or "mp3"
    if wanted not in _MEDIA_TYPES:
        raise errors.bad_request(
            f"Input should be one of {', '.join(_MEDIA_TYPES)}", "response_format"
        )
    seconds = max(0.1, len(text) / 15)
    body = _SILENT_FRAME * math.ceil(seconds / 0.036) if wanted == "mp3" else silence(seconds)
    return call.reply_bytes(body, _MEDIA_TYPES[wanted], Used(characters=len(text)))


def silence(seconds: float, rate: int = 8000) -> bytes:
    """A WAV file of so much nothing, 16 bits, one channel."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(rate)
        audio.writeframes(bytes(2 * round(seconds * rate)))
    return buffer.getvalue()


def audio_seconds(data: bytes, filename: str) -> float | None:
    """Length of an uploaded recording; None when it is none that can be read."""
    exact = tokens.wav_seconds(data)
    if exact is not None:
        return exact
    try:
        return TinyTag.get(filename or None, file_obj=io.BytesIO(data), tags=False).duration
    except (TinyTagException, OSError, ValueError):
        return None


def _field(call: Call, name: str) -> str | None:
    value = call.form.get(name)
    return value if isinstance(value, str) else None


def _segment(text: str, seconds: float) -> dict[str, Any]:
    return {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": seconds,
        "text": text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": -0.2,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.01,
    }


def _stamp(seconds: float, point: str) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, rest = divmod(whole, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest:02d}{point}{milliseconds:03d}"
