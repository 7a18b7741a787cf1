"""WebM, as players write it and as browsers record it."""

import pytest

from gateway_hooks.estimating.webm import webm_seconds
from tests.gateway_hooks.audio_samples import (
    EBML,
    cluster,
    element,
    info,
    live_cluster,
    live_webm,
    webm,
)


def test_told_duration() -> None:
    """The file's own duration counts, in its own ticks."""
    assert webm_seconds(webm(info(12_345.0), cluster(99_000, 0))) == pytest.approx(12.345)
    assert webm_seconds(webm(info(500.0, scale=10_000_000))) == pytest.approx(5)


def test_short_float() -> None:
    """Durations come in two sizes; other sizes are no durations."""
    scale = element("2AD7B1", (1_000_000).to_bytes(3, "big"))
    short = element("1549A966", scale + element("4489", bytes.fromhex("461C4000")))
    odd = element("1549A966", scale + element("4489", b"\x01\x02\x03"))
    assert webm_seconds(webm(short)) == pytest.approx(10)
    assert webm_seconds(webm(odd, cluster(2000, 500))) == pytest.approx(2.5)


def test_last_block_stands_for_a_missing_duration() -> None:
    """Recorders do not know how long they will run."""
    assert webm_seconds(webm(info(), cluster(0, 0, 60), cluster(5000, 0, 940))) == pytest.approx(
        5.94
    )


def test_blocks_out_of_order() -> None:
    """Blocks of several tracks, and pictures, come in any order."""
    assert webm_seconds(webm(info(), cluster(0, 0, 940, 60))) == pytest.approx(0.94)


def test_block_groups() -> None:
    """Blocks may be wrapped."""
    group = element("A0", element("A1", b"\x81\x01\x00\x00sound"))
    wrapped = element("1F43B675", element("E7", b"\x0b\xb8") + group)
    assert webm_seconds(webm(info(), wrapped)) == pytest.approx(3.256)


def test_long_live_recording() -> None:
    """Thousands of clusters of unknown size are walked without nesting."""
    clusters = [live_cluster(second * 1000, 0, 480) for second in range(3000)]
    assert webm_seconds(live_webm(info(), *clusters)) == pytest.approx(2999.48)


def test_cut_recording() -> None:
    """A file that was cut is as long as what is left of it."""
    clusters = [live_cluster(second * 1000, 0, 480) for second in range(10)]
    assert webm_seconds(live_webm(info(), *clusters)[:-5]) == pytest.approx(9)


@pytest.mark.parametrize(
    "data", [b"", EBML, EBML[:10], EBML + b"\0" * 50, EBML + b"\xff" * 50, webm(info()), webm()]
)
def test_nothing_to_measure(data: bytes) -> None:
    """A file without blocks has no length."""
    assert webm_seconds(data) is None
