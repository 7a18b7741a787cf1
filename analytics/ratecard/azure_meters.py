"""Azure's meter names, read into what a rate depends on.

Text tokens are read by `azure-genai-prices`. Its parser leaves out what is not sold as text tokens:
pictures by the piece, speech by the hour or the character, and tokens of audio and pictures, which
Azure names after the model and the modality (`gpt-4o-aud-1217 Inp glbl`, `gpt img 1.5 out img DZ`).
Those are read here, with the same idea: split the name into words, take out the words that mean
something, and what is left is the model. Capacity that is bought by the hour is read as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from azure_genai_prices import parse_meter_name

from analytics.ratecard.models import ANY_MODEL, split_model
from analytics.ratecard.rate import Meter  # noqa: TC001 - the dataclass below names it


@dataclass(frozen=True, slots=True)
class MeterName:
    """What a meter's name says."""

    model: str
    version: str | None
    meter: Meter
    deployment_type: str
    service_tier: str = "standard"
    context_tier: str = "standard"
    image_sizes: tuple[str | None, ...] = (None,)
    image_quality: str | None = None


# Meters of something else than a model's answers.
_OTHER: Final = re.compile(
    r"provisioned|throughput|\bptu\b|\bs?r?ft\b|-ft-|[a-z]ft[a-z]|hosting|hstng|training|trng"
    r"|gra?der|grdr|assistants|interpreter|file.search|session|pages|\bocr\b|doc ai|sora|video"
    r"|real ?time|rtime|\brt\b|-rt-|\bsearch\b|standard unit|dev.ft|translate|^az-|vision",
    re.IGNORECASE,
)
_PROVISIONED: Final = re.compile(
    r"provisioned managed (global|data zone|regional) unit", re.IGNORECASE
)
_PLACES: Final = {"global": "global", "data zone": "data_zone", "regional": "regional"}
_SELLS_PROVISIONED: Final = ("Azure OpenAI", "Azure AI Foundry Provisioned Throughput")
_UNIT: Final = re.compile(
    r"(\d+)\s*([KM]?)\s*/?\s*(tokens|characters|images|seconds?|hours?|)", re.IGNORECASE
)
_TYPES: Final = {
    "global": {"glbl", "gl", "global", "glb"},
    "data_zone": {"dz", "dzone", "dzn", "datazone"},
    "regional": {"regnl", "rgnl", "rg", "regional", "regn", "ep"},
}
_TYPE_OF: Final = {word: kind for kind, words in _TYPES.items() for word in words}
_INPUT: Final = frozenset({"inp", "inpt", "input", "in"})
_OUTPUT: Final = frozenset({"opt", "outp", "outpt", "out", "output"})
_CACHED: Final = frozenset({"cchd", "cd", "cached", "cach", "cache"})
_AUDIO: Final = frozenset({"aud", "audio"})
_IMAGE: Final = frozenset({"img", "image"})
_TEXT: Final = frozenset({"txt", "text"})
_SEVERAL_MODALITIES: Final = _AUDIO | _IMAGE | {"transcribe", "tts"}
_NOISE: Final = frozenset({"tokens", "token", "1m", "1k", "unit", "units", "images", "characters"})
_TIERS: Final = {"batch": "batch", "pp": "priority"}
_KINDS: Final = {
    "input": "input",
    "cache_read": "cached_input",
    "cache_write": "cache_write",
    "output": "output",
}
_IMAGE_SIZES: Final = {"lowres": ("1024x1024",), "highres": ("1792x1024", "1024x1792")}
_SPELLINGS: Final = {"mn": "mini", "trscb": "transcribe", "tcrb": "transcribe", "d": "diarize"}
_AUDIO_MODELS: Final = {
    "gpt-4o": "gpt-4o-audio-preview",
    "gpt-4o-mini": "gpt-4o-mini-audio-preview",
    "gpt": "gpt-audio",
    "gpt-mini": "gpt-audio-mini",
    "gpt-1.5": "gpt-audio-1.5",
}
# Of the first version the long context was a model by itself, later it was part of the model.
_LONG_TURBO: Final = frozenset({"gpt-35-turbo16k", "gpt-3.5-turbo-16k"})
# Meters name the context of old models; the API never did.
_OLD_NAMES: Final = {
    "gpt-35-trb16k-125": ("gpt-3.5-turbo", "0125"),
    "gpt-35-turbo-4k": ("gpt-3.5-turbo", "0613"),
    "gpt-35-turbo4k": ("gpt-3.5-turbo", "0613"),
    "gpt-4-8k": ("gpt-4", None),
    "gpt-4-turbo-128k": ("gpt-4-turbo", None),
    "gpt-4-turbo128k": ("gpt-4-turbo", None),
    "gpt-4.5": ("gpt-4.5-preview", None),
    "computer-use": ("computer-use-preview", None),
    "oss-120b": ("gpt-oss-120b", None),
}


def read_meter_name(name: str, product: str) -> MeterName | None:
    """What a meter prices; None when that is neither a request's usage nor provisioned capacity."""
    provisioned = _PROVISIONED.fullmatch(name.strip())
    if provisioned and product.startswith(_SELLS_PROVISIONED):
        # One price for every model: the other products repeat it.
        return MeterName(ANY_MODEL, None, "provisioned", _PLACES[provisioned[1].lower()])
    if _OTHER.search(name):
        return None
    words = _words(name)
    if "dall" in words:
        return _dall_e(words)
    if "speech" in words:
        return _speech(words)
    if product.startswith("Azure OpenAI") and _SEVERAL_MODALITIES & set(words):
        return _modality(words)
    return _text(name, product)


def units_per_price(unit_of_measure: str, meter: Meter) -> Decimal | None:
    """How many of a meter's units a price is for; None when the two do not go together.

    Azure prices tokens by the thousand and by the million, side by side in one list.
    """
    match = _UNIT.fullmatch(unit_of_measure.strip())
    if match is None:
        return None
    number, thousands, kind = match.groups()
    count = Decimal(number) * {"": 1, "K": 1000, "M": 1_000_000}[thousands.upper()]
    seconds = {"second": 1, "hour": 3600}.get(kind.lower().removesuffix("s"))
    if meter in {"second", "provisioned"}:
        each = 1 if meter == "second" else 3600
        return None if seconds is None else count * seconds / each
    return count if seconds is None else None


def _words(name: str) -> list[str]:
    spread = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    spread = re.sub(r"gpt-?4o", "gpt 4o", spread).replace("4omini", "4o mini")
    spread = re.sub(r"aud(\d{4})", r"aud \1", spread).replace("data zone", "datazone")
    return [_SPELLINGS.get(word, word) for word in re.split(r"[\s\-_/]+", spread) if word]


def _type(words: list[str]) -> str:
    return next((_TYPE_OF[word] for word in words if word in _TYPE_OF), "regional")


def _dall_e(words: list[str]) -> MeterName:
    kind = _type(words)
    if "2" in words:
        return MeterName("dall-e-2", None, "image", kind)
    joined = "".join(words)
    sizes = next(sizes for word, sizes in _IMAGE_SIZES.items() if word in joined)
    quality = "hd" if "hd" in words else "standard"
    return MeterName("dall-e-3", None, "image", kind, image_sizes=sizes, image_quality=quality)


def _speech(words: list[str]) -> MeterName:
    kind = _type(words)
    if "whisper" in words:
        # Azure sells Whisper on Azure OpenAI by this meter, whatever its name says of batches.
        return MeterName("whisper", None, "second", kind)
    return MeterName("tts-1-hd" if "hd" in words else "tts-1", None, "character", kind)


def _modality(words: list[str]) -> MeterName | None:
    """A meter of audio, picture or text tokens of a model that has several."""
    left = []
    direction = modality = version = None
    tier, cached = "standard", False
    for word in words:
        if word in _INPUT or word in _OUTPUT:
            direction = "input" if word in _INPUT else "output"
        elif word in _TEXT:
            modality = "text"
        elif word in _AUDIO or word in _IMAGE:
            left.append("audio" if word in _AUDIO else "image")
            modality = modality or left[-1]
        elif word in _TIERS:
            tier = _TIERS[word]
        elif re.fullmatch(r"\d{4}", word):
            version = word
        elif word in _CACHED:
            cached = True
        elif word not in _TYPE_OF and word not in _NOISE:
            left.append(word)
    model = _model(left)
    if direction is None or model is None:
        return None
    meter = _meter(direction, modality, cached=cached)
    return meter and MeterName(model, version, meter, _type(words), tier)


def _meter(direction: str, modality: str | None, *, cached: bool) -> Meter | None:
    if cached:
        # An event does not say which of its cached tokens were pictures or sound.
        return "cached_input" if modality == "text" else None
    if direction == "input":
        return {"audio": "audio_input", "image": "image_input"}.get(modality or "", "input")  # type: ignore[return-value] # the values are meters
    return {"audio": "audio_output", "image": "image_output"}.get(modality or "", "output")  # type: ignore[return-value] # the values are meters


def _model(left: list[str]) -> str | None:
    name = "-".join(word for word in left if word not in {"audio", "image"})
    if "image" in left:
        rest = name.removeprefix("gpt").strip("-")
        return f"gpt-image-{rest}" if rest else None
    if "transcribe" in left or "tts" in left:
        return name
    return _AUDIO_MODELS.get(name)


def _text(name: str, product: str) -> MeterName | None:
    key = parse_meter_name(name.replace("ccchd", "cchd"), product)
    meter = _KINDS.get(key.kind.value) if key else None
    if key is None or meter is None:
        return None
    model, version = split_model(key.model)
    if model in _LONG_TURBO:
        model = "gpt-3.5-turbo" if version else "gpt-3.5-turbo-16k"
    model, own_version = _OLD_NAMES.get(model, (model, None))
    return MeterName(
        model=model,
        version=version or own_version,
        meter=meter,  # type: ignore[arg-type] # the values are meters
        deployment_type=key.deployment.value,
        service_tier=key.mode.value,
        context_tier="long" if key.context.value == "long" else "standard",
    )
