"""The length of audio files, of every kind that can be transcribed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_hooks.estimating.audio import audio_seconds
from tests.gateway_hooks.audio_samples import flac, info, mp3, mp4, wav, webm


@pytest.mark.parametrize(
    ("data", "name", "seconds"),
    [
        (wav(2.5), "a.wav", 2.5),
        (wav(0.25), None, 0.25),
        (mp3(1000), "a.mp3", 1000 * 1152 / 44_100),
        (flac(90), "a.flac", 90),
        (mp4(12.5), "a.m4a", 12.5),
        (webm(info(7000.0)), "a.webm", 7),
        (wav(2), "misnamed.mp3", 2),
    ],
)
def test_length(data: bytes, name: str | None, seconds: float) -> None:
    """The file's own figures count, whatever it is called."""
    assert audio_seconds(data, name) == pytest.approx(seconds, rel=0.01)


@pytest.mark.parametrize("name", ["a.mp3", "a.wav", "a.webm", "", None, "\0", "x" * 9999])
@pytest.mark.parametrize(
    "data", [b"", b"no audio at all", b"ID3\xff\xff", b"fLaC\0\0", b"OggS\1", b"RIFF\0\0\0\0WAVE"]
)
def test_what_is_no_audio_has_no_length(data: bytes, name: str | None) -> None:
    """Broken and foreign files raise nothing."""
    assert audio_seconds(data, name) is None


def test_endless_length_is_none() -> None:
    """A file that claims years is broken, and charging it would be too."""
    assert audio_seconds(webm(info(1e300)), None) is None
    assert audio_seconds(webm(info(float("nan"))), None) is None
    assert audio_seconds(webm(info(-1.0)), None) is None


@settings(deadline=None)
@given(st.sampled_from([wav(0.1), flac(3), mp4(3), mp3(20), webm(info(5.0))]), st.data())
def test_damaged_files_raise_nothing(data: bytes, draw: st.DataObject) -> None:
    """A file with flipped bytes or a cut end is measured or not, but never an error."""
    damaged = bytearray(data)
    for place in draw.draw(st.lists(st.integers(0, min(len(data), 200) - 1), max_size=6)):
        damaged[place] = draw.draw(st.integers(0, 255))
    length = audio_seconds(bytes(damaged[: draw.draw(st.integers(0, len(data)))]), "a.mp3")
    assert length is None or 0 < length < 10**6
