"""The keys that the gateway gives to its callers, in one SQLite file.

A key is `gm_` and 43 letters and digits: more than 256 random bits. Nobody can try those, so a
plain SHA-256 keeps them as safe as a slow password hash would, and costs a request a microsecond.
The key itself is returned once, to who makes it, and stored nowhere.

The file is in WAL mode, so that gateways read while a command writes; every write is one
transaction. `keys` has a row for each name, `secrets` one for each key that works or has worked:
after a rotation two of them until the overlap has passed.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import sqlite3
import string
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway_hooks.errors import GatewayHooksError
from gateway_hooks.gateway.access.wal import open_wal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FILE_NAME: Final = "gateway-keys.sqlite"
PREFIX: Final = "gm_"
_LETTERS: Final = string.ascii_letters + string.digits
_SECRET_LETTERS: Final = 43
_VERSION: Final = 1
_BUSY_SECONDS: Final = 10.0
_LONGEST_NAME: Final = 256
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS keys (
    name TEXT PRIMARY KEY,
    key_id TEXT NOT NULL UNIQUE,
    team TEXT,
    product TEXT NOT NULL,
    created_s INTEGER NOT NULL,
    expires_s INTEGER,
    revoked_s INTEGER,
    rotated_s INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS secrets (
    hash BLOB PRIMARY KEY,
    name TEXT NOT NULL REFERENCES keys (name),
    ends_s INTEGER
) STRICT, WITHOUT ROWID;
"""
_COLUMNS: Final = "name, key_id, team, product, created_s, expires_s, revoked_s, rotated_s"


class KeyFileError(GatewayHooksError):
    """The key store cannot be used, or not like that; the message says what to do."""


@dataclass(frozen=True, slots=True)
class GatewayKey:
    """A key by its name. Times are seconds since the epoch, UTC."""

    name: str
    key_id: str
    """Fingerprint of its first secret; reports know it by this after rotations, too."""
    team: str | None
    product: str
    created_s: int
    expires_s: int | None
    revoked_s: int | None
    rotated_s: int | None

    def state(self, now_s: float) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_s is not None:
            return "revoked"
        return "expired" if self.expires_s is not None and now_s >= self.expires_s else "active"


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A secret that works or has worked."""

    hash: bytes
    name: str
    ends_s: int | None
    """End of the overlap after a rotation; None for the newest secret of a key."""


def hash_of(secret: str) -> bytes:
    """What is kept of a key; any text can be asked for."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


class KeyFile:
    """The store as commands see it; each method is one transaction. May block for seconds."""

    def __init__(self, path: Path, *, now_s: Callable[[], float] = time.time) -> None:
        self.path = path
        self._now_s = now_s

    def create(
        self,
        name: str,
        *,
        product: str,
        team: str | None = None,
        expires_s: int | None = None,
        fingerprint: Callable[[str], str],
    ) -> str:
        """Make a key and return it.

        Args:
            name: what reports call it.
            product: which deployments it may call.
            team: whom its spend belongs to.
            expires_s: first moment it does not work any more, seconds since the epoch.
            fingerprint: `Fingerprinter.key_id` under the gateway's salt.

        Raises:
            KeyFileError: the name is taken, or the file cannot be written.
        """
        for text, what in ((name, "name"), (product, "product"), (team or "-", "team")):
            if not text.strip() or text != text.strip() or len(text) > _LONGEST_NAME:
                raise KeyFileError(
                    f"the {what} needs 1 to {_LONGEST_NAME} characters, no spaces around"
                )
        now = int(self._now_s())
        if expires_s is not None and expires_s <= now:
            raise KeyFileError("the key would have expired already: give a later day")
        secret = _new_secret()
        row = (name, fingerprint(secret), team, product, now, expires_s)
        with self._writing() as connection:
            try:
                connection.execute(
                    "INSERT INTO keys (name, key_id, team, product, created_s, expires_s) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    row,
                )
            except sqlite3.IntegrityError:
                raise KeyFileError(
                    f"there is a key called {name} already: choose another name, or "
                    f"`gatemeter keys rotate {name}` for a new secret"
                ) from None
            connection.execute("INSERT INTO secrets VALUES (?, ?, NULL)", (hash_of(secret), name))
        return secret

    def rotate(self, name: str, *, overlap_seconds: int) -> str:
        """Make a new secret for a key and return it; the old one works until the overlap ends.

        Raises:
            KeyFileError: there is no such key, it does not work any more, or the file is unusable.
        """
        now, secret = int(self._now_s()), _new_secret()
        with self._writing() as connection:
            key = _found(connection, name)
            state = key.state(now)
            if state != "active":
                raise KeyFileError(f"{name} is {state}: make a new key under another name")
            connection.execute(
                "UPDATE secrets SET ends_s = min(coalesce(ends_s, ?1), ?1) WHERE name = ?2",
                (now + overlap_seconds, name),
            )
            connection.execute("INSERT INTO secrets VALUES (?, ?, NULL)", (hash_of(secret), name))
            connection.execute("UPDATE keys SET rotated_s = ? WHERE name = ?", (now, name))
        return secret

    def revoke(self, name: str) -> GatewayKey:
        """End a key for good; one that is revoked stays as it is.

        Raises:
            KeyFileError: there is no such key, or the file cannot be written.
        """
        with self._writing() as connection:
            connection.execute(
                "UPDATE keys SET revoked_s = ? WHERE name = ? AND revoked_s IS NULL",
                (int(self._now_s()), name),
            )
            return _found(connection, name)

    def read(self) -> tuple[list[GatewayKey], list[StoredSecret]]:
        """Everything, as of one moment. Never makes the file.

        Raises:
            KeyFileError: there is no file, or it cannot be read.
        """
        if not self.path.exists():
            raise KeyFileError(
                f"there is no key store {self.path}: `gatemeter keys create` makes it"
            )
        with self._open(create=False) as connection, _transaction(connection, "DEFERRED"):
            keys = [
                GatewayKey(*row)
                for row in connection.execute(f"SELECT {_COLUMNS} FROM keys ORDER BY name")  # noqa: S608 - a constant of this module
            ]
            rows = connection.execute("SELECT hash, name, ends_s FROM secrets")
            return keys, [StoredSecret(*row) for row in rows]

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._open(create=True) as connection, _transaction(connection, "IMMEDIATE"):
            yield connection

    @contextlib.contextmanager
    def _open(self, *, create: bool) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(
                open_wal(self.path, busy_seconds=_BUSY_SECONDS, create=create)
            ) as connection:
                if create:
                    _make_tables(connection)
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise KeyFileError(
                f"the key store {self.path} cannot be used ({error}): check its permissions, "
                "or bring it back from a backup"
            ) from None


def _new_secret() -> str:
    return PREFIX + "".join(secrets.choice(_LETTERS) for _ in range(_SECRET_LETTERS))


def _found(connection: sqlite3.Connection, name: str) -> GatewayKey:
    row = connection.execute(f"SELECT {_COLUMNS} FROM keys WHERE name = ?", (name,)).fetchone()  # noqa: S608 - a constant of this module
    if row is None:
        raise KeyFileError(f"there is no key called {name}: `gatemeter keys list` shows them all")
    return GatewayKey(*row)


def _make_tables(connection: sqlite3.Connection) -> None:
    with _transaction(connection, "IMMEDIATE"):
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            raise KeyFileError("the key store was made by a newer gatemeter: update this one")
        if version < _VERSION:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_VERSION}")


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
