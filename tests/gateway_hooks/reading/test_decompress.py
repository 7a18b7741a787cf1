"""Content encodings are undone chunk by chunk, within bounds."""

import gzip
import zlib

import pytest

from gateway_hooks.reading.decompress import PIECE_BYTES, Undecodable, decompressor

brotli = pytest.importorskip("brotli")

TEXT = b'{"id": "chatcmpl-1", "model": "gpt-4o"}' * 50
RAW = zlib.compressobj(wbits=-15)
ENCODED = {
    "": TEXT,
    "identity": TEXT,
    "gzip": gzip.compress(TEXT),
    "X-GZip": gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:]),
    "deflate": zlib.compress(TEXT),
    " Deflate ": RAW.compress(TEXT) + RAW.flush(),
    "br": brotli.compress(TEXT),
    "gzip, br": brotli.compress(gzip.compress(TEXT)),
    "deflate,gzip": gzip.compress(zlib.compress(TEXT)),
}


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("encoding", ENCODED)
def test_each_encoding_in_any_chunks(encoding: str, size: int) -> None:
    """Whatever the encoding and the chunks, the text comes out."""
    unpack = decompressor(encoding)
    assert unpack is not None
    packed = ENCODED[encoding]
    chunks = [packed[place : place + size] for place in range(0, len(packed), size)]
    assert b"".join(piece for chunk in chunks for piece in unpack.feed(chunk)) == TEXT


@pytest.mark.parametrize("encoding", ["compress", "aes128gcm", "gzip, unheard-of"])
def test_unknown_encoding_is_refused(encoding: str) -> None:
    """An encoding nobody here knows is said so at the start."""
    assert decompressor(encoding) is None


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_garbage_is_undecodable(encoding: str) -> None:
    """An answer that is not in its encoding is one error, whatever the library."""
    unpack = decompressor(encoding)
    assert unpack is not None
    with pytest.raises(Undecodable):
        list(unpack.feed(b"\xff<html>this is not packed</html>"))


def test_a_bomb_comes_in_pieces() -> None:
    """A few bytes that unpack to many are given out in bounded pieces, so readers can stop."""
    unpack = decompressor("br")
    assert unpack is not None
    pieces = unpack.feed(brotli.compress(bytes(50 << 20)))
    assert max(len(next(pieces)) for _ in range(10)) <= 2 * PIECE_BYTES


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("padding", [bytes(8), b"\r\n"])
def test_padding_is_passed_over(encoding: str, padding: bytes, size: int) -> None:
    """Bytes that a server leaves behind the end do not cost what stood before it."""
    unpack = decompressor(encoding)
    assert unpack is not None
    packed = ENCODED[encoding] + padding
    chunks = [packed[place : place + size] for place in range(0, len(packed), size)]
    assert b"".join(piece for chunk in chunks for piece in unpack.feed(chunk)) == TEXT


def test_bomb_comes_in_bounded_pieces() -> None:
    """A small chunk that unpacks to a huge one can be stopped on the way."""
    unpack = decompressor("gzip")
    assert unpack is not None
    pieces = unpack.feed(gzip.compress(b"0" * 50_000_000))
    assert len(next(pieces)) <= PIECE_BYTES
