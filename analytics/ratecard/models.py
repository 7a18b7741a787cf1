"""Model names: what a version is, and how Azure's and OpenAI's spellings become one."""

from __future__ import annotations

import re
from typing import Final

ANY_MODEL: Final = "*"
"""The model of a rate that holds for every model."""
_DATED: Final = re.compile(r"^(?P<base>.+?)-(?P<version>\d{4}-\d{2}-\d{2}|\d{4})$")
_MONTH_AND_DAY: Final = 4
_SPELLINGS: Final = {
    "gpt-35-turbo": "gpt-3.5-turbo",
    "gpt-35-turbo-16k": "gpt-3.5-turbo-16k",
    "gpt-35-turbo-instruct": "gpt-3.5-turbo-instruct",
    "whisper-1": "whisper",
    "dalle-2": "dall-e-2",
    "dalle-3": "dall-e-3",
    "dalle2": "dall-e-2",
    "dalle3": "dall-e-3",
    "tts": "tts-1",
    "tts-hd": "tts-1-hd",
}


def split_model(name: str) -> tuple[str, str | None]:
    """A model's base name and its version: `gpt-4o-2024-11-20` is `gpt-4o` of `2024-11-20`.

    A version of four digits is a month and day, as in `gpt-4-0613`; which year it was, only the
    price lists know.
    """
    name = name.strip().lower().removeprefix("azure/").removeprefix("openai/")
    match = _DATED.match(name)
    base, version = (match["base"], match["version"]) if match else (name, None)
    return _SPELLINGS.get(base, base), version


def same_version(one: str, other: str) -> bool:
    """Whether two spellings mean one version: `2024-11-20` and `1120` do."""
    if one == other:
        return True
    short = len(one) == _MONTH_AND_DAY or len(other) == _MONTH_AND_DAY
    return short and _month_day(one) == _month_day(other)


def _month_day(version: str) -> str:
    return version.replace("-", "")[-_MONTH_AND_DAY:]
