"""The store of the gateway's keys."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gateway_hooks.gateway.access.key_file import KeyFile, KeyFileError, hash_of

CREATOR = """
import sys
from pathlib import Path
from gateway_hooks.gateway.access.key_file import KeyFile
store = KeyFile(Path(sys.argv[1]))
for number in range(20):
    name = f"{sys.argv[2]}-{number}"
    store.create(name, product="p", fingerprint=lambda secret: "k_" + name)
    if number % 2:
        store.revoke(name)
"""


def created(store: KeyFile, name: str = "one", **options: int) -> str:
    """A key of the store."""
    return store.create(name, product="p", team="t", fingerprint=lambda _: f"k_{name}", **options)


def test_only_hashes_are_kept(tmp_path: Path) -> None:
    """No file of the store holds a key, and only its user may read them."""
    store = KeyFile(tmp_path / "keys.sqlite")
    secret = created(store)
    held = sqlite3.connect(store.path)  # an open reader keeps the log from being folded in
    held.execute("SELECT count(*) FROM keys")
    second = store.rotate("one", overlap_seconds=60)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 3
    for path in files:
        content = path.read_bytes()
        assert secret.encode() not in content
        assert second.encode() not in content
        assert path.stat().st_mode & 0o777 == 0o600
    held.close()


def test_keys_are_long_and_recognisable(tmp_path: Path) -> None:
    """A scanner can find one that leaked; no two are alike."""
    store = KeyFile(tmp_path / "keys.sqlite")
    secrets = {created(store, f"key {number}") for number in range(20)}
    assert len(secrets) == 20
    assert all(re.fullmatch(r"gm_[A-Za-z0-9]{43}", one) for one in secrets)


def test_a_rotation_keeps_name_and_key_id(tmp_path: Path) -> None:
    """The old secret ends with the overlap, an older one not later than it was going to."""
    now = 1000.0
    store = KeyFile(tmp_path / "keys.sqlite", now_s=lambda: now)
    first = created(store)
    second = store.rotate("one", overlap_seconds=100)
    now = 1050.0
    third = store.rotate("one", overlap_seconds=500)
    keys, secrets = store.read()
    assert [(key.name, key.key_id, key.rotated_s) for key in keys] == [("one", "k_one", 1050)]
    ends = {one.hash: one.ends_s for one in secrets}
    assert ends == {hash_of(first): 1100, hash_of(second): 1550, hash_of(third): None}


def test_what_cannot_be_done_says_what_to_do(tmp_path: Path) -> None:
    """One line each; nothing is changed."""
    store = KeyFile(tmp_path / "keys.sqlite", now_s=lambda: 1000.0)
    with pytest.raises(KeyFileError, match="gatemeter keys create"):
        store.read()
    with pytest.raises(KeyFileError, match="keys list"):
        store.revoke("nobody")
    created(store)
    with pytest.raises(KeyFileError, match="keys rotate one"):
        created(store)
    with pytest.raises(KeyFileError, match="later day"):
        created(store, "late", expires_s=1000)
    with pytest.raises(KeyFileError, match="the name needs"):
        created(store, " padded")
    assert store.revoke("one").revoked_s == 1000
    with pytest.raises(KeyFileError, match="one is revoked"):
        store.rotate("one", overlap_seconds=0)
    assert len(store.read()[0]) == 1


def test_revoking_twice_keeps_the_first_time(tmp_path: Path) -> None:
    """So that a script may run again."""
    now = 1000.0
    store = KeyFile(tmp_path / "keys.sqlite", now_s=lambda: now)
    created(store)
    store.revoke("one")
    now = 2000.0
    assert store.revoke("one").revoked_s == 1000


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    """With its name; it is not overwritten."""
    path = tmp_path / "keys.sqlite"
    path.write_bytes(b"not a database, and longer than a page header of one would be" * 10)
    before = path.read_bytes()
    for use in (KeyFile(path).read, lambda: created(KeyFile(path))):
        with pytest.raises(KeyFileError, match=r"keys\.sqlite cannot be used"):
            use()
    assert path.read_bytes() == before


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    """An old command does not write what it does not know."""
    store = KeyFile(tmp_path / "keys.sqlite")
    created(store)
    connection = sqlite3.connect(store.path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(KeyFileError, match="newer gatemeter"):
        created(store, "two")


def test_processes_write_at_the_same_time(tmp_path: Path) -> None:
    """Two of them make and revoke keys in a new file; nothing is lost, nobody fails."""
    path = tmp_path / "keys.sqlite"
    writers = [
        subprocess.Popen([sys.executable, "-c", CREATOR, str(path), who]) for who in ("a", "b")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    keys, secrets = KeyFile(path).read()
    assert (len(keys), len(secrets)) == (40, 40)
    assert sum(key.revoked_s is not None for key in keys) == 20
