"""How long an audio file plays."""

from __future__ import annotations

import io
from typing import Any


def audio_seconds(data: bytes, filename: str | None) -> float | None:
    """Length of an audio file in seconds; None when it cannot be told. Slow for some formats."""
    from tinytag import TinyTag, TinyTagException

    try:
        tag: Any = TinyTag.get(filename, file_obj=io.BytesIO(data))
    except (TinyTagException, ValueError):
        return None
    return tag.duration if tag.duration else None
