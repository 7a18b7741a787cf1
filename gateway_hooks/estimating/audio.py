"""How long an audio file plays: what transcription and translation are charged by."""

from __future__ import annotations

import io
from typing import Final

from gateway_hooks.estimating import webm

_LONGEST_SECONDS: Final = 7 * 24 * 3600.0
"""Backends take files of 25 MB; what claims to be longer than a week is broken."""


def audio_seconds(data: bytes, filename: str | None) -> float | None:
    """Length of an audio file in seconds; None when it cannot be told. Slow for some formats.

    Args:
        data: the whole file: mp3, mp4, m4a, wav, flac, ogg, opus, aiff, wma or webm.
        filename: as the caller sent it; its ending helps with files that have no signature.
    """
    if data.startswith(webm.START):
        return _plausible(webm.webm_seconds(data))
    return _tagged_seconds(data, None) or (_tagged_seconds(data, filename) if filename else None)


def _tagged_seconds(data: bytes, filename: str | None) -> float | None:
    """The length by the file's signature, or by the ending of a name."""
    from tinytag import TinyTag, TinyTagException

    try:
        return _plausible(TinyTag.get(filename, file_obj=io.BytesIO(data), tags=False).duration)
    except (TinyTagException, ValueError):
        return None


def _plausible(seconds: float | None) -> float | None:
    if seconds is None or not 0 < seconds < _LONGEST_SECONDS:
        return None  # also when it is no number at all
    return float(seconds)
