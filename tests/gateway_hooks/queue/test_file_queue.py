"""The queue on disk keeps what it has taken, whatever happens to the process or the disk."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gateway_hooks.errors import SettingsError, SinkFailed, SinkFull
from gateway_hooks.queue.file_queue import FileQueue
from gateway_hooks.segments import SegmentName, Trailer
from gateway_hooks.settings import HookSettings
from tests.gateway_hooks.fakes import FakeClock, wait_until

NEVER_MS = 3_600_000
"""A tick interval that no test lives to see: the test calls `tick` itself."""


def line(number: int, padding: int = 0) -> bytes:
    """An event, as far as the queue cares."""
    return json.dumps({"number": number, "padding": "x" * padding}).encode() + b"\n"


def segments(folder: Path) -> list[SegmentName]:
    """The segments of a folder, in the order of their numbers."""
    names = [SegmentName.parse(path) for path in folder.iterdir()]
    return sorted(name for name in names if name is not None)


def stored(folder: Path) -> dict[str, list[int]]:
    """What a reader finds, by writer; sealed segments must fit their trailers."""
    found: dict[str, list[int]] = defaultdict(list)
    for name in segments(folder):
        content = (folder / name.filename).read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if not name.is_open:
            body, trailer = (
                whole[: whole.rfind(b"\n", 0, -1) + 1],
                whole.splitlines(keepends=True)[-1],
            )
            assert Trailer.parse(trailer) == Trailer.of(body)
            whole = body
        # A writer that was killed while sealing leaves its trailer in an open segment.
        events = [one for one in whole.splitlines() if not one.startswith(b"#")]
        found[name.writer] += [json.loads(one)["number"] for one in events]
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The queue's folder, not there yet."""
    return tmp_path / "queue"


@pytest.fixture
def queue(folder: Path, clock: FakeClock) -> Iterator[FileQueue]:
    """A queue whose keeper sleeps: the test ticks."""
    made = FileQueue(folder, clock=clock, sync_interval_ms=NEVER_MS, segment_max_seconds=60)
    yield made
    made.close()


def test_lines_come_back_in_order_from_sealed_segments(queue: FileQueue, folder: Path) -> None:
    """What was appended before a close is sealed, complete and in order."""
    for number in range(100):
        queue.append(line(number))
    queue.close()
    assert stored(folder) == {queue.writer: list(range(100))}
    assert [name.is_open for name in segments(folder)] == [False]


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    texts=st.lists(st.text(max_size=300), max_size=40), segment_max_bytes=st.integers(4096, 8192)
)
def test_any_events_round_trip(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], segment_max_bytes: int
) -> None:
    """Bytes go in and the same bytes come out, over however many segments."""
    folder = tmp_path_factory.mktemp("queue")
    queue = FileQueue(folder, segment_max_bytes=segment_max_bytes, sync_interval_ms=NEVER_MS)
    lines = [json.dumps({"text": text}).encode() + b"\n" for text in texts]
    for one in lines:
        queue.append(one)
    queue.close()
    read = b""
    for name in segments(folder):
        content = (folder / name.filename).read_bytes()
        body = content[: content.rindex(b"#sealed")]
        assert content == body + Trailer.of(body).line()
        read += body
    assert read == b"".join(lines)


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cut=st.integers(0, 2000))
def test_a_crash_at_any_byte_leaves_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    """Wherever a crash cuts the open segment, what stands before the last newline is intact."""
    folder = tmp_path_factory.mktemp("queue")
    queue = FileQueue(folder, sync_interval_ms=NEVER_MS)
    for number in range(40):
        queue.append(line(number, padding=number))
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:cut])
    (numbers,) = stored(folder).values()
    assert numbers == list(range(len(numbers)))
    queue.close()


def test_a_writer_never_reopens_a_file(folder: Path) -> None:
    """A second writer on the folder takes a new name and leaves the first one's files alone."""
    first = FileQueue(folder)
    first.append(line(1))
    second = FileQueue(folder)
    second.append(line(2))
    assert first.writer != second.writer
    first.close()
    second.close()
    assert stored(folder) == {first.writer: [1], second.writer: [2]}


def test_segments_are_numbered_without_gaps(folder: Path) -> None:
    """A segment that has reached its size is sealed and the next number follows."""
    queue = FileQueue(folder, segment_max_bytes=4096, sync_interval_ms=NEVER_MS)
    for number in range(50):
        queue.append(line(number, padding=500))
    queue.close()
    numbers = [name.number for name in segments(folder)]
    assert len(numbers) > 3
    assert numbers == list(range(1, len(numbers) + 1))
    assert stored(folder)[queue.writer] == list(range(50))


def test_an_idle_queue_makes_no_file(queue: FileQueue, folder: Path) -> None:
    """The first segment is created with the first event; an unused writer leaves no trace."""
    queue.tick()
    queue.close()
    assert list(folder.iterdir()) == []


def test_a_segment_is_sealed_by_age(queue: FileQueue, folder: Path, clock: FakeClock) -> None:
    """A quiet gateway's events reach the consumer too: age seals, and only what has events."""
    queue.append(line(1))
    clock.advance(59)
    queue.tick()
    assert [name.is_open for name in segments(folder)] == [True]
    clock.advance(2)
    queue.tick()
    queue.tick()
    assert [name.is_open for name in segments(folder)] == [False]
    queue.append(line(2))
    assert [name.number for name in segments(folder)] == [1, 2]


def test_the_keeper_seals_by_itself(folder: Path) -> None:
    """The thread does what the tests otherwise call: nobody has to come by for an old segment."""
    queue = FileQueue(folder, sync_interval_ms=1, segment_max_seconds=0.01)
    queue.append(line(1))
    wait_until(lambda: [name.is_open for name in segments(folder)] == [False])
    queue.append(line(2))
    queue.close()
    assert stored(folder) == {queue.writer: [1, 2]}


def test_an_open_segment_is_locked_from_the_start(queue: FileQueue, folder: Path) -> None:
    """A consumer can tell a living writer from a dead one at any moment."""
    queue.append(line(1))
    (path,) = folder.iterdir()
    with path.open("rb") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    queue.close()
    (path,) = folder.iterdir()
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_many_threads_share_one_writer(folder: Path) -> None:
    """Eight threads at once lose and mix nothing, and each keeps its own order."""
    queue = FileQueue(folder, segment_max_bytes=16_384, sync_interval_ms=1)

    def work(worker: int) -> None:
        for number in range(300):
            queue.append(line(worker * 1000 + number, padding=number % 90))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    queue.close()
    numbers = stored(folder)[queue.writer]
    for worker in range(8):
        mine = [number for number in numbers if number // 1000 == worker]
        assert mine == [worker * 1000 + number for number in range(300)]
    assert len(numbers) == 2400


def test_close_twice_and_append_after(queue: FileQueue) -> None:
    """Closing is final and can be repeated; a late event is refused, not lost silently."""
    queue.append(line(1))
    queue.close()
    queue.close()
    with pytest.raises(SinkFailed, match="closed"):
        queue.append(line(2))


# --- the disk -----------------------------------------------------------------------------------


def fill(queue: FileQueue, numbers: Iterator[int]) -> None:
    """Append until it is refused."""
    for number in numbers:
        queue.append(line(number, padding=300))


def test_the_budget_drops_new_events_and_recovers(folder: Path, clock: FakeClock) -> None:
    """At the budget events are refused; when the consumer has deleted, they are taken again."""
    queue = FileQueue(
        folder, max_bytes=20_000, segment_max_bytes=4096, clock=clock, sync_interval_ms=NEVER_MS
    )
    numbers = iter(range(1000))
    with pytest.raises(SinkFull):
        fill(queue, numbers)
    assert next(numbers) == pytest.approx(20_000 // 340, abs=3)
    clock.advance(1)
    queue.tick()
    assert all(not name.is_open for name in segments(folder)), "a full queue drains only if sealed"
    for path in folder.iterdir():
        path.unlink()
    clock.advance(1)
    queue.tick()
    queue.append(line(7))
    queue.close()
    assert stored(folder) == {queue.writer: [7]}


def test_the_budget_counts_what_other_writers_keep(folder: Path) -> None:
    """The budget is the folder's, not the process's."""
    folder.mkdir()
    (folder / "other-1-00000001.ndjson").write_bytes(b"x" * 5000)
    queue = FileQueue(folder, max_bytes=5000)
    with pytest.raises(SinkFull):
        queue.append(line(1))


def test_keep_writing_ignores_the_budget(folder: Path) -> None:
    """With `keep_writing` only the disk itself sets the limit."""
    queue = FileQueue(folder, max_bytes=100, when_full="keep_writing")
    for number in range(50):
        queue.append(line(number))
    queue.close()
    assert len(stored(folder)[queue.writer]) == 50


def test_a_full_disk_is_a_full_queue_until_there_is_space(queue: FileQueue, folder: Path) -> None:
    """ENOSPC refuses the event as SinkFull; the next one goes into a sound segment."""
    queue.append(line(1))
    descriptor = queue._segment._descriptor if queue._segment else -1
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, descriptor)
    os.close(full)
    with pytest.raises(SinkFull):
        queue.append(line(2))
    queue.append(line(3))
    queue.close()
    assert sorted(stored(folder)[queue.writer]) == [1, 3]


def test_a_disk_error_is_a_failed_sink(queue: FileQueue, folder: Path) -> None:
    """Other errors refuse the event as SinkFailed; later events get a new segment."""
    queue.append(line(1))
    descriptor = queue._segment._descriptor if queue._segment else -1
    unwritable = os.open(folder / segments(folder)[0].filename, os.O_RDONLY)
    os.dup2(unwritable, descriptor)
    os.close(unwritable)
    with pytest.raises(SinkFailed):
        queue.append(line(2))
    queue.close()
    assert stored(folder)[queue.writer] == [1]


SHORT_WRITE = """
    import resource, signal, sys
    from pathlib import Path
    from gateway_hooks.errors import SinkFull
    from gateway_hooks.queue.file_queue import FileQueue

    queue = FileQueue(Path(sys.argv[1]), sync_interval_ms=3_600_000)
    line = b'{"number": %d, "padding": "' + b"x" * 900 + b'"}\\n'
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    queue.append(line % 0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2500, hard))
    refused = 0
    for number in range(1, 6):
        try:
            queue.append(line % number)
        except SinkFull:
            refused += 1
    assert refused == 4, refused
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    queue.append(line % 9)
    queue.close()
"""


def run_script(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_torn_write_is_not_glued_to_the_next_line(folder: Path) -> None:
    """A disk that fills up in the middle of a line costs that line and no other."""
    done = run_script(SHORT_WRITE, str(folder))
    assert done.returncode == 0, done.stderr
    (numbers,) = stored(folder).values()
    assert numbers == [0, 1, 9]
    assert [name.is_open for name in segments(folder)] == [False]


def test_a_refused_sync_ends_the_segment(
    folder: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failed fdatasync no more lines go into that file, and the failure is reported."""
    errors: list[str] = []

    def note(where: str, error: Exception) -> None:
        assert isinstance(error, OSError)
        errors.append(where)

    queue = FileQueue(folder, clock=clock, sync_interval_ms=NEVER_MS, on_error=note)
    queue.append(line(1))

    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, f"input/output error on {descriptor}")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", refuse)
        queue.tick()
    assert errors == ["queue_sync", "queue_seal"]
    queue.append(line(2))
    queue.close()
    assert stored(folder)[queue.writer] == [1, 2]
    assert [name.number for name in segments(folder)] == [1, 2]


def test_sync_covers_what_was_appended_before(
    folder: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each tick syncs once when there is something new, and not at all when there is not."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    queue = FileQueue(folder, clock=clock, sync_interval_ms=NEVER_MS)
    queue.append(line(1))
    queue.append(line(2))
    queue.tick()
    queue.tick()
    assert len(synced) == 1
    queue.append(line(3))
    queue.tick()
    assert len(synced) == 2
    queue.close()


def test_no_sync_when_the_interval_is_zero(
    folder: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interval of 0 leaves syncing to the system."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    queue = FileQueue(folder, clock=clock, sync_interval_ms=0)
    queue.append(line(1))
    queue.tick()
    assert synced == []
    queue.close()


def test_a_deleted_segment_is_noticed(queue: FileQueue, folder: Path) -> None:
    """Events do not go on into a file that somebody deleted."""
    queue.append(line(1))
    (path,) = folder.iterdir()
    path.unlink()
    queue.tick()
    queue.append(line(2))
    queue.close()
    assert stored(folder)[queue.writer] == [2]


def test_a_deleted_folder_is_made_again(queue: FileQueue, folder: Path) -> None:
    """Not even the folder has to survive."""
    folder.rmdir()
    queue.append(line(1))
    queue.close()
    assert stored(folder)[queue.writer] == [1]


@pytest.mark.parametrize("variable", ["GATEMETER_QUEUE", "GATEMETER_HOME"])
def test_an_unusable_folder_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """The message names the variable to change and says what to do, in one line."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(variable, str(tmp_path / "file" / "below"))
    with pytest.raises(SettingsError, match=rf"^{variable}: .*set {variable} to a folder") as error:
        FileQueue.from_settings(HookSettings.load())
    assert "\n" not in str(error.value)


# --- processes ----------------------------------------------------------------------------------

FORK = """
    import os, sys
    from pathlib import Path
    from gateway_hooks.queue.file_queue import FileQueue

    queue = FileQueue(Path(sys.argv[1]), sync_interval_ms=1)
    line = b'{"number": %d}\\n'
    for number in range(10):
        queue.append(line % number)
    parent = queue.writer
    children = []
    for child in range(3):
        pid = os.fork()
        if pid == 0:
            assert queue.writer != parent
            for number in range(10):
                queue.append(line % (100 * (child + 1) + number))
            queue.close()
            os._exit(0)
        children.append(pid)
    for number in range(10, 20):
        queue.append(line % number)
    for pid in children:
        assert os.waitpid(pid, 0)[1] == 0
    queue.close()
    print(parent)
"""


def test_a_forked_child_is_a_writer_of_its_own(folder: Path) -> None:
    """Workers forked from a process that has appended already neither lose nor repeat events."""
    done = run_script(FORK, str(folder))
    assert done.returncode == 0, done.stderr
    found = stored(folder)
    assert found.pop(done.stdout.strip()) == list(range(20))
    starts = sorted(numbers[0] for numbers in found.values())
    assert starts == [100, 200, 300]
    assert all(numbers == list(range(numbers[0], numbers[0] + 10)) for numbers in found.values())
    assert all(not name.is_open for name in segments(folder))


ORPHANED_CHILD = """
    import os, sys, time
    from pathlib import Path
    from gateway_hooks.queue.file_queue import FileQueue

    queue = FileQueue(Path(sys.argv[1]))
    queue.append(b'{"number": 1}\\n')
    if os.fork() == 0:
        os.write(1, b"child %d\\n" % os.getpid())
        time.sleep(60)
        os._exit(0)
    os.write(1, b"parent %d\\n" % os.getpid())
    time.sleep(60)
"""


def test_a_child_does_not_hold_a_dead_parents_lock(folder: Path) -> None:
    """When the parent is killed its segment can be sealed although a forked child lives on."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(ORPHANED_CHILD), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    pids = dict(process.stdout.readline().split() for _ in range(2))
    try:
        os.kill(int(pids["parent"]), signal.SIGKILL)
        process.wait(10)
        (path,) = folder.iterdir()
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.kill(int(pids["child"]), signal.SIGKILL)
        process.stdout.close()


WRITER = """
    import sys
    from pathlib import Path
    from gateway_hooks.queue.file_queue import FileQueue

    queue = FileQueue(Path(sys.argv[1]), segment_max_bytes=32_768, sync_interval_ms=5)
    for number in range(1_000_000):
        queue.append(b'{"number": %d, "padding": "%s"}\\n' % (number, b"x" * (number % 700)))
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
"""


def test_kill_nine_loses_nothing_that_was_acknowledged(folder: Path) -> None:
    """Several writers are killed at work: every event whose append returned is in the folder."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), str(folder)], stdout=subprocess.PIPE
        )
        for _ in range(3)
    ]
    acknowledged = []
    for enough, process in zip((150, 400, 900), writers, strict=True):
        assert process.stdout is not None
        seen = b"".join(process.stdout.readline() for _ in range(enough))
        process.kill()
        seen += process.stdout.read()
        process.wait(10)
        process.stdout.close()
        whole = seen[: seen.rfind(b"\n") + 1]
        acknowledged.append(len(whole.splitlines()))
    found = sorted(stored(folder).values(), key=len)
    assert len(found) == 3
    for numbers, taken in zip(found, sorted(acknowledged), strict=True):
        assert numbers == list(range(len(numbers)))
        assert len(numbers) >= taken
