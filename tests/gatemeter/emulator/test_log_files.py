"""A partition's files: what was acknowledged is there after any end."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatemeter.emulator.errors import EmulatorError
from gatemeter.emulator.log_files import LogFiles
from gatemeter.emulator.partition import Partition
from gatemeter.emulator.sections import DATA, encode_section
from gatemeter.emulator.stored_message import IncomingMessage

PLENTY = 1 << 30


def _incoming(body: bytes) -> IncomingMessage:
    return IncomingMessage.parse(encode_section(DATA, body))


def _filled(folder: Path, bodies: list[bytes], segment_bytes: int = 1 << 20) -> Partition:
    partition = Partition("0", PLENTY, LogFiles(folder, segment_bytes))
    for body in bodies:
        partition.append([_incoming(body)], 1_000)
    return partition


def _bodies(partition: Partition) -> list[bytes]:
    return [message.body for message in partition.messages]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies=st.lists(st.binary(max_size=50), min_size=1, max_size=5), data=st.data())
def test_a_torn_tail_costs_the_last_message_only(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes], data: st.DataObject
) -> None:
    """Cut anywhere, the file gives back every record that is whole, and goes on after it."""
    folder = tmp_path_factory.mktemp("partition")
    partition = _filled(folder, [])
    ends = []
    for body in bodies:
        partition.append([_incoming(body)], 1_000)
        (path,) = folder.glob("*.log")
        ends.append(path.stat().st_size)
    partition.close()
    cut = data.draw(st.integers(0, ends[-1]))
    path.write_bytes(path.read_bytes()[:cut])
    partition = Partition("0", PLENTY, LogFiles(folder))
    kept = _bodies(partition)
    assert kept == [body for body, end in zip(bodies, ends, strict=True) if end <= cut]
    partition.append([_incoming(b"after")], 2_000)
    partition.close()
    again = Partition("0", PLENTY, LogFiles(folder))
    assert _bodies(again) == [*kept, b"after"]
    assert [one.sequence_number for one in again.messages] == list(range(len(kept) + 1))
    again.close()


def test_flipped_bits_end_the_log(tmp_path: Path) -> None:
    """A record whose checksum is wrong is no record."""
    _filled(tmp_path, [b"first", b"second", b"third"]).close()
    (path,) = tmp_path.glob("*.log")
    path.write_bytes(path.read_bytes().replace(b"second", b"sekond"))
    partition = Partition("0", PLENTY, LogFiles(tmp_path))
    assert _bodies(partition) == [b"first"]
    partition.close()


def test_damage_in_the_middle_is_told(tmp_path: Path) -> None:
    """Only the last segment can be torn: anything else needs a human."""
    _filled(tmp_path, [b"one", b"two"], segment_bytes=1).close()
    first, _second = sorted(tmp_path.glob("*.log"))
    first.write_bytes(first.read_bytes()[:-1])
    with pytest.raises(EmulatorError, match="damaged"):
        Partition("0", PLENTY, LogFiles(tmp_path))


@pytest.mark.parametrize("segment_bytes", [1, 1 << 20])
@pytest.mark.parametrize("keep", [0, 1, 3])
def test_what_was_trimmed_stays_away(tmp_path: Path, keep: int, segment_bytes: int) -> None:
    """Numbers and offsets go on after a trim and a restart, however the files were split."""
    bodies = [b"a", b"b", b"c", b"d"]
    partition = _filled(tmp_path, bodies, segment_bytes)
    partition.trim(keep)
    offset = partition.next_offset
    partition.close()
    again = Partition("0", PLENTY, LogFiles(tmp_path, segment_bytes))
    assert _bodies(again) == bodies[4 - keep :]
    assert (again.next_sequence, again.next_offset) == (4, offset)
    again.append([_incoming(b"e")], 1_000)
    again.close()
    last = Partition("0", PLENTY, LogFiles(tmp_path, segment_bytes))
    assert _bodies(last) == [*bodies[4 - keep :], b"e"]
    assert last.messages[-1].sequence_number == 4
    last.close()


def test_trimmed_segments_are_deleted(tmp_path: Path) -> None:
    """The folder does not grow for ever."""
    partition = _filled(tmp_path, [b"x"] * 10, segment_bytes=1)
    partition.trim(2)
    partition.close()
    assert len(list(tmp_path.glob("*.log"))) <= 4


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """A full disk refuses the send; what is sent after it is still found."""
    files = LogFiles(tmp_path)
    partition = Partition("0", PLENTY, files)
    partition.append([_incoming(b"first")], 1_000)
    assert files._file is not None
    whole = files._file

    class FullDisk:
        """Takes half of what it is given, then nothing."""

        is_full = False

        def write(self, data: memoryview) -> int:
            if self.is_full:
                raise OSError(28, "No space left on device")
            self.is_full = True
            return whole.write(data[: len(data) // 2])

        def truncate(self, size: int) -> int:
            return whole.truncate(size)

    files._file = FullDisk()  # type: ignore[assignment] # a file whose disk is full
    with pytest.raises(OSError, match="No space"):
        partition.append([_incoming(b"lost")], 1_000)
    files._file = whole
    partition.append([_incoming(b"second")], 1_000)
    partition.close()
    again = Partition("0", PLENTY, LogFiles(tmp_path))
    assert _bodies(again) == [b"first", b"second"]
    again.close()
