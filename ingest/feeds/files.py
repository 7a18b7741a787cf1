"""Messages from exported files: NDJSON, JSON arrays, objects printed prettily, any of it gzipped.

Files may be larger than memory: at most one message (64 MiB) is held. A file whose first line is a
whole object is read line by line. Any other is cut where brackets close; an array around all of it
is opened. A message that breaks off is given up where a line begins with `{`, as no line inside an
indented object does, so the one after it is read.
"""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final, cast

import msgspec

from ingest.feeds.reader import is_own

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import IO

LONGEST_MESSAGE_BYTES: Final = 64 << 20
_BLOCK_BYTES: Final = 1 << 20
_SHOWN_BYTES: Final = 4096
_AVRO: Final = b"Obj\x01"
_GZIP: Final = b"\x1f\x8b"
_BLANK: Final = b" \t\r\n,\xef\xbb\xbf\x1e"
_TOKEN: Final = re.compile(rb'"(?:[^"\\\n]|\\.)*("?)|[{}\[\]]|\n(?=\{)')
_UNREADABLE: Final = (OSError, EOFError, zlib.error)


@dataclass(frozen=True, slots=True)
class FileMessage:
    """A message and the byte of the file (unpacked) that it begins at."""

    position: int
    body: bytes
    problem: str | None = None
    """Why the message cannot be read; `body` is then only its beginning."""


def find_files(paths: Iterable[Path]) -> list[tuple[str, Path]]:
    """Every file at or below the paths, by its whole path; in order. Hidden files are left out.

    Files of the same name in different folders, as Azure Storage has them, are different files.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                below = file.relative_to(path)
                if file.is_file() and not any(part.startswith(".") for part in below.parts):
                    found.setdefault(file.resolve())
        else:
            found.setdefault(path.resolve())
    return [(path.as_posix(), path) for path in found]


def read_messages(stream: IO[bytes]) -> Iterator[FileMessage]:
    """The messages of a file, in order. Damage to the file itself is a message with a problem."""
    place = 0
    try:
        for message in _messages(_unpacked(stream)):
            place = message.position + len(message.body)
            yield message
    except _UNREADABLE as error:
        reason = f"the file cannot be read on from here ({type(error).__name__}): export it again"
        yield FileMessage(place, b"", reason)


def _unpacked(stream: IO[bytes]) -> IO[bytes]:
    if _beginning(stream).startswith(_GZIP):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
    return stream


def _beginning(stream: IO[bytes]) -> bytes:
    """The first bytes, left where they are."""
    peek = getattr(stream, "peek", None)
    return bytes(peek(_SHOWN_BYTES)) if peek is not None else b""


def _messages(stream: IO[bytes]) -> Iterator[FileMessage]:
    begins = _beginning(stream)
    if begins.startswith(_AVRO):
        reason = "an Avro file, as Event Hubs Capture writes them: read the hub itself instead"
        return iter([FileMessage(0, b"", reason)])
    if b"\0" in begins[:_SHOWN_BYTES]:
        return iter([FileMessage(0, b"", "the file is no text: export it as JSON")])
    line = stream.readline(LONGEST_MESSAGE_BYTES + 1)
    if line.endswith(b"\n") and _is_object(line):
        return _lines(stream, line)
    return _Splitter(stream, line).messages()


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf")), dict)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False


def _lines(stream: IO[bytes], first: bytes) -> Iterator[FileMessage]:
    """Each line a message; our own events go in packs, as they are not read here."""
    place, pack_at, pack = 0, 0, bytearray()
    for line in chain([first], iter(lambda: stream.readline(LONGEST_MESSAGE_BYTES + 1), b"")):
        own = is_own(line) and line.endswith(b"\n")
        if pack and (not own or len(pack) > _BLOCK_BYTES):
            yield FileMessage(pack_at, bytes(pack))
            pack.clear()
        if own:
            pack_at = place if not pack else pack_at
            pack += line
        elif len(line) > LONGEST_MESSAGE_BYTES:
            yield _too_long(place, line)
            place += _skip_line(stream)
        elif line.strip(_BLANK):
            yield FileMessage(place, line)
        place += len(line)
    if pack:
        yield FileMessage(pack_at, bytes(pack))


def _skip_line(stream: IO[bytes]) -> int:
    skipped = 0
    while (rest := stream.readline(_BLOCK_BYTES)) and not rest.endswith(b"\n"):
        skipped += len(rest)
    return skipped + len(rest)


def _too_long(place: int, body: bytes) -> FileMessage:
    reason = f"a message of more than {LONGEST_MESSAGE_BYTES >> 20} MiB: split the file"
    return FileMessage(place, body[:_SHOWN_BYTES], reason)


class _Splitter:
    """Cuts a stream of JSON values where each of them ends."""

    def __init__(self, stream: IO[bytes], begun: bytes) -> None:
        self._stream = stream
        self._buffer = begun
        self._base = 0
        """Where in the file the buffer begins."""
        self._scanned = 0
        self._start: int | None = None
        """Where in the buffer the value begins that is being read."""
        self._gap = 0
        """Where the last value ended."""
        self._depth = 0
        self._dropping = False

    def messages(self) -> Iterator[FileMessage]:
        """Every value, and what stands between them when that is no blank."""
        final = False
        while not final:
            block = self._stream.read(_BLOCK_BYTES)
            final = not block
            self._buffer += block
            yield from self._scan(final=final)
            if self._start is not None and len(self._buffer) > LONGEST_MESSAGE_BYTES:
                if not self._dropping:
                    yield _too_long(self._base + self._start, self._buffer[self._start :])
                self._dropping = True
            self._forget()
        yield from self._cut(len(self._buffer))

    def _scan(self, *, final: bool) -> Iterator[FileMessage]:
        for match in _TOKEN.finditer(self._buffer, self._scanned):
            token = match.group()
            if token[:1] == b'"':
                if not match[1] and not final and self._may_go_on(match):
                    return  # the rest of the text is in the next block
            elif token == b"\n":
                if self._start is not None:
                    yield from self._cut(match.start())
            elif token in b"{[":
                yield from self._open(token, match.start())
            else:
                yield from self._close(match.end())
            self._scanned = match.end()

    def _may_go_on(self, text: re.Match[bytes]) -> bool:
        at_end = text.end() >= len(self._buffer) - 1  # the last byte may be half an escape
        return at_end and text.end() - text.start() <= LONGEST_MESSAGE_BYTES

    def _open(self, token: bytes, at: int) -> Iterator[FileMessage]:
        if self._start is None:
            yield from self._between(at)
            if token == b"[":
                self._gap = at + 1  # the array around all of it
                return
            self._start = at
        self._depth += 1

    def _close(self, end: int) -> Iterator[FileMessage]:
        if self._start is None:
            yield from self._between(end - 1)
            self._gap = end
            return
        self._depth -= 1
        if self._depth == 0:
            yield from self._cut(end)

    def _cut(self, end: int) -> Iterator[FileMessage]:
        """The value that is being read ends here, whole or not."""
        if self._start is None:
            yield from self._between(end)
        elif not self._dropping:
            yield FileMessage(self._base + self._start, self._buffer[self._start : end])
        self._start, self._gap, self._depth, self._dropping = None, end, 0, False

    def _between(self, at: int) -> Iterator[FileMessage]:
        rest = self._buffer[self._gap : at]
        if rest.strip(_BLANK):
            yield FileMessage(self._base + self._gap, rest)

    def _forget(self) -> None:
        """Drop what was dealt with; of what no value has begun in, keep a little to tell of."""
        keep = self._gap if self._start is None else self._start
        if self._dropping or len(self._buffer) - keep > LONGEST_MESSAGE_BYTES:
            keep = self._scanned
        self._base += keep
        self._buffer = self._buffer[keep:]
        self._scanned = max(0, self._scanned - keep)
        self._gap = max(0, self._gap - keep)
        if self._start is not None:
            self._start = max(0, self._start - keep)
