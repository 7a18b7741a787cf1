"""The gateway's view of the key store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway_hooks.gateway.access.key_file import KeyFile, KeyFileError
from gateway_hooks.gateway.access.key_snapshot import KeySnapshot


def reason(snapshot: KeySnapshot, secret: str, clock: Any) -> str | None:
    """Why a secret does not let in."""
    return snapshot.find(secret).reason_against(clock.wall_ns())


async def test_every_worker_learns_of_a_revocation_within_a_second(
    make_key: Callable[..., str], tmp_path: Path, clock: Any
) -> None:
    """Two snapshots, one file: not before they look again, and surely then."""
    secret = make_key()
    path = tmp_path / "gateway-keys.sqlite"
    workers = [KeySnapshot(path, clock), KeySnapshot(path, clock)]
    for worker in workers:
        assert worker.is_due
        await worker.renew()
        assert not worker.is_due
    KeyFile(path).revoke("checkout")
    assert [reason(worker, secret, clock) for worker in workers] == [None, None]
    clock.advance_ms(1000)
    for worker in workers:
        assert worker.is_due
        await worker.renew()
    assert [reason(one, secret, clock) for one in workers] == ["revoked_key", "revoked_key"]


async def test_both_secrets_work_during_the_overlap(
    make_key: Callable[..., str], tmp_path: Path, clock: Any
) -> None:
    """The old one ends by the clock; both are the same caller to reports."""
    old = make_key()
    path = tmp_path / "gateway-keys.sqlite"
    store = KeyFile(path, now_s=lambda: clock.wall_ns() / 1e9)
    new = store.rotate("checkout", overlap_seconds=60)
    snapshot = KeySnapshot(path, clock)
    await snapshot.renew()
    assert [reason(snapshot, one, clock) for one in (old, new)] == [None, None]
    assert snapshot.find(old).caller == snapshot.find(new).caller
    clock.advance_ms(60_000)
    assert [reason(snapshot, one, clock) for one in (old, new)] == ["expired_key", None]


async def test_an_unchanged_file_is_not_read_again(
    make_key: Callable[..., str], tmp_path: Path, clock: Any
) -> None:
    """Once it is old enough for its times to be trusted; a write after that is seen."""
    make_key()
    path = tmp_path / "gateway-keys.sqlite"
    os.utime(path, (1, 1))
    snapshot = KeySnapshot(path, clock)
    await snapshot.renew()
    before = snapshot._secrets
    await snapshot.renew()
    assert snapshot._secrets is before
    make_key("second")
    await snapshot.renew()
    assert len(snapshot) == 2


@pytest.mark.parametrize("damage", ["lost", "corrupt", "empty", "folder"])
async def test_a_bad_file_leaves_the_last_keys_in_force(
    make_key: Callable[..., str], tmp_path: Path, clock: Any, damage: str, caplog: Any
) -> None:
    """Told once in the log and in `problem`; a file that is back is read again."""
    secret = make_key()
    path = tmp_path / "gateway-keys.sqlite"
    good = path.read_bytes()
    snapshot = KeySnapshot(path, clock)
    await snapshot.renew()
    path.unlink()
    match damage:
        case "corrupt":
            path.write_bytes(b"garbage" * 1000)
        case "empty":
            path.write_bytes(b"")
        case "folder":
            path.mkdir()
    for _ in range(3):
        clock.advance_ms(1000)
        await snapshot.renew()
    assert reason(snapshot, secret, clock) is None
    assert [snapshot.problem is None] == [False]
    assert len([one for one in caplog.records if "stay in force" in one.message]) == 1
    if path.is_dir():
        path.rmdir()
    path.write_bytes(good)
    await snapshot.renew()
    assert snapshot.problem is None
    assert reason(snapshot, secret, clock) is None


async def test_a_slow_disk_delays_no_request_for_long(
    make_key: Callable[..., str], tmp_path: Path, clock: Any
) -> None:
    """After a moment the last snapshot serves; the look goes on and counts when it is done."""
    import threading

    make_key()
    snapshot = KeySnapshot(tmp_path / "gateway-keys.sqlite", clock)
    await snapshot.renew()
    let_go = threading.Event()

    class Slow:
        path = snapshot._file.path

        def read(self) -> Any:
            let_go.wait(30)
            raise KeyFileError("slow and bad")

    good, snapshot._file = snapshot._file, Slow()  # type: ignore[assignment]  # a disk that hangs
    clock.advance_ms(1000)
    await snapshot.renew()
    assert not snapshot.is_due
    assert snapshot.problem is not None
    assert "does not answer" in snapshot.problem
    let_go.set()
    snapshot._file = good
    assert snapshot._task is not None
    await snapshot._task
    await snapshot.renew()
    assert snapshot.problem is None


async def test_many_requests_share_one_look(
    make_key: Callable[..., str], tmp_path: Path, clock: Any
) -> None:
    """A burst after a quiet second reads the file once."""
    make_key()
    snapshot = KeySnapshot(tmp_path / "gateway-keys.sqlite", clock)
    reads = []
    read = snapshot._file.read

    class Counting:
        path = snapshot._file.path

        def read(self) -> Any:
            reads.append(1)
            return read()

    snapshot._file = Counting()  # type: ignore[assignment]  # counts
    await asyncio.gather(*(snapshot.renew() for _ in range(50)))
    assert reads == [1]
