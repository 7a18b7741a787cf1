"""Undoing an answer's Content-Encoding for reading; the answer itself passes as it came.

gzip and deflate need nothing; br and zstd are read when `brotli` (1.2 or newer) and `zstandard` are
installed.
"""

from __future__ import annotations

import importlib
import zlib
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE_BYTES: Final = 1 << 16
"""What is unpacked at once, so that a small chunk cannot blow up to a big one unseen."""
_ZSTD_SLICE_BYTES: Final = 256
"""Fed at once where the library bounds no output: a block has 3 bytes and gives at most 128 KiB."""

_GZIP: Final = 16 + zlib.MAX_WBITS
_GZIP_START: Final = b"\x1f"
_WRAPPING_BYTES: Final = 2
_WRAPPED: Final = 8


class Decompressor(Protocol):
    """Unpacks one answer. Called with each chunk in turn."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The unpacked bytes, piece by piece.

        Raises:
            Undecodable: the bytes are not in the encoding that the header says.
        """
        ...


class Undecodable(ValueError):
    """An answer that cannot be unpacked."""


class _Plain:
    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data


class _Zlib:
    """gzip, also of several members, and zlib's deflate; padding behind the end is passed over."""

    def __init__(self, window_bits: int) -> None:
        self._window_bits = window_bits
        self._inflate = zlib.decompressobj(window_bits)
        self._over = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data and not self._over:
            if self._inflate.eof:
                self._begin_member(data)
                continue
            try:
                piece = self._inflate.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise Undecodable(str(error)) from None
            data = self._inflate.unused_data or self._inflate.unconsumed_tail
            if piece:
                yield piece

    def _begin_member(self, data: bytes) -> None:
        if self._window_bits == _GZIP and data.startswith(_GZIP_START):
            self._inflate = zlib.decompressobj(self._window_bits)
        else:
            self._over = True


class _Deflate:
    """deflate as the standard means it, in zlib's wrapping, and as some servers send it, bare."""

    def __init__(self) -> None:
        self._head = b""
        self._inflate: _Zlib | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._inflate is None:
            data = self._head = self._head + data
            if len(data) < _WRAPPING_BYTES:
                return
            wrapped = data[0] & 0x0F == _WRAPPED and int.from_bytes(data[:2], "big") % 31 == 0
            self._inflate = _Zlib(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        yield from self._inflate.feed(data)


class _Brotli:
    """br; the library holds back what is more than a piece."""

    def __init__(self, library: Any) -> None:  # noqa: ANN401 - an optional package without types
        self._library = library
        self._unpack = library.Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data or not self._unpack.can_accept_more_data():
            try:
                piece = self._unpack.process(data, output_buffer_limit=PIECE_BYTES)
            except self._library.error as error:
                raise Undecodable(str(error)) from None
            data = b""
            yield piece


class _Zstd:
    """zstd; its library unpacks all of what it is given, so it is given little at once."""

    def __init__(self, library: Any) -> None:  # noqa: ANN401 - an optional package without types
        self._library = library
        self._unpack = library.ZstdDecompressor().decompressobj()

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_SLICE_BYTES):
            try:
                yield self._unpack.decompress(data[start : start + _ZSTD_SLICE_BYTES])
            except self._library.ZstdError as error:
                raise Undecodable(str(error)) from None


class _Chain:
    """Several encodings, the last applied first undone."""

    def __init__(self, outer: Decompressor, inner: Decompressor) -> None:
        self._outer = outer
        self._inner = inner

    def feed(self, data: bytes) -> Iterator[bytes]:
        for piece in self._outer.feed(data):
            yield from self._inner.feed(piece)


def decompressor(content_encoding: str) -> Decompressor | None:
    """What undoes a Content-Encoding header; None when that cannot be done here."""
    chain: Decompressor | None = None
    for encoding in content_encoding.lower().split(","):
        single = _single(encoding.strip())
        if single is None:
            return None
        chain = single if chain is None else _Chain(single, chain)
    return chain


def _single(encoding: str) -> Decompressor | None:
    if encoding in {"", "identity"}:
        return _Plain()
    if encoding in {"gzip", "x-gzip"}:
        return _Zlib(_GZIP)
    if encoding == "deflate":
        return _Deflate()
    if encoding == "br":
        library = _import("brotli")
        bounded = hasattr(getattr(library, "Decompressor", None), "can_accept_more_data")
        return _Brotli(library) if bounded else None
    if encoding == "zstd":
        library = _import("zstandard")
        return _Zstd(library) if library else None
    return None


def _import(name: str) -> Any:  # noqa: ANN401 - optional packages without types
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
