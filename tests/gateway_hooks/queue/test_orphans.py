"""Sealing what dead writers left: right at any length, and repeatable after any interruption."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_hooks.queue.orphans import seal_orphan
from gateway_hooks.segments import SegmentName, Trailer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.queue_samples import HandWriter, MakeLine

NAME = SegmentName("a", 1, is_open=True)


@given(data=st.data(), rows=st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_wherever_a_writer_was_killed_the_whole_lines_stay(
    data: st.DataObject,
    rows: int,
    event_line: MakeLine,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Cut at any byte, also inside the trailer, and cut again while sealing: same segment."""
    folder = tmp_path_factory.mktemp("queue")
    lines = b"".join(event_line(number) for number in range(rows))
    whole = lines + Trailer.of(lines).line()
    killed_at = data.draw(st.integers(0, len(whole)))
    expected = lines[: whole[:killed_at].rfind(b"\n", 0, len(lines)) + 1]
    (folder / NAME.filename).write_bytes(whole[:killed_at])
    sealed = seal_orphan(folder, NAME)
    assert sealed is not None
    path = folder / NAME.sealed().filename
    assert path.read_bytes() == expected + Trailer.of(expected).line()
    assert sealed.rows == expected.count(b"\n")

    interrupted_at = data.draw(st.integers(len(expected), path.stat().st_size))
    (folder / NAME.filename).write_bytes(path.read_bytes()[:interrupted_at])
    path.unlink()
    assert seal_orphan(folder, NAME) is not None
    assert path.read_bytes() == expected + Trailer.of(expected).line()


def test_a_segment_larger_than_one_read_is_sealed_right(tmp_path: Path) -> None:
    """Count and CRC-32 cover all blocks, and a torn tail longer than a block is cut."""
    lines = b"".join(b"%07d\n" % number for number in range(300_000))
    (tmp_path / NAME.filename).write_bytes(lines + b"x" * 1_500_000)
    sealed = seal_orphan(tmp_path, NAME)
    assert sealed is not None
    assert (sealed.rows, sealed.cut_bytes) == (300_000, 1_500_000)
    content = (tmp_path / NAME.sealed().filename).read_bytes()
    assert content == lines + Trailer.of(lines).line()


def test_a_living_writers_segment_is_not_touched(
    tmp_path: Path, event_line: MakeLine, hand_writer: Callable[..., HandWriter]
) -> None:
    """The lock says that somebody still writes there."""
    writer = hand_writer(tmp_path, "a").append(event_line(1), b"torn")
    before = writer.open_path.read_bytes()
    assert seal_orphan(tmp_path, writer.name) is None
    assert writer.open_path.read_bytes() == before


def test_a_segment_its_writer_has_just_sealed_is_left_alone(tmp_path: Path) -> None:
    """The listing may be older than the rename."""
    assert seal_orphan(tmp_path, NAME) is None
