"""Small audio files, made byte by byte."""

from __future__ import annotations

import io
import struct
import wave

UNKNOWN_SIZE = bytes.fromhex("01FFFFFFFFFFFFFF")


def wav(seconds: float, rate: int = 8000) -> bytes:
    """Silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(b"\0\0" * int(seconds * rate))
    return file.getvalue()


def mp3(frames: int) -> bytes:
    """Frames of 1152 samples at 44.1 kHz, 128 kbit/s."""
    return (b"\xff\xfb\x90\x00" + b"\0" * 413) * frames


def flac(seconds: int, rate: int = 16_000) -> bytes:
    """A header that tells rate and number of samples, and nothing behind it."""
    packed = rate << 44 | 15 << 36 | seconds * rate  # rate, channels and depth, samples
    info = struct.pack(">HH", 4096, 4096) + b"\0" * 6 + packed.to_bytes(8, "big") + b"\0" * 16
    return b"fLaC" + bytes([0x80]) + len(info).to_bytes(3, "big") + info


def mp4(seconds: float, scale: int = 1000) -> bytes:
    """An m4a whose movie header tells its length."""

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content) + 8) + kind + content

    header = struct.pack(">IIIII", 0, 0, 0, scale, int(seconds * scale)) + b"\0" * 80
    return box(b"ftyp", b"M4A \0\0\0\0M4A mp42isom") + box(b"moov", box(b"mvhd", header))


def element(name: str, content: bytes) -> bytes:
    """An EBML element by its id in hexadecimal."""
    return bytes.fromhex(name) + (len(content) | 1 << 56).to_bytes(8, "big") + content


EBML = element("1A45DFA3", element("4282", b"webm"))


def webm(*parts: bytes) -> bytes:
    """A WebM file of known size."""
    return EBML + element("18538067", b"".join(parts))


def live_webm(*parts: bytes) -> bytes:
    """A WebM file as browsers record it: sizes unknown."""
    return EBML + bytes.fromhex("18538067") + UNKNOWN_SIZE + b"".join(parts)


def info(duration: float | None = None, scale: int = 1_000_000) -> bytes:
    """The part that tells the clock, and perhaps the duration in its ticks."""
    content = element("2AD7B1", scale.to_bytes(4, "big"))
    if duration is not None:
        content += element("4489", struct.pack(">d", duration))
    return element("1549A966", content)


def blocks(*offsets: int) -> bytes:
    """Simple blocks at these times of their cluster."""
    return b"".join(element("A3", b"\x81" + struct.pack(">h", at) + b"\x80sound") for at in offsets)


def cluster(time: int, *offsets: int) -> bytes:
    """A cluster of simple blocks."""
    return element("1F43B675", element("E7", time.to_bytes(4, "big")) + blocks(*offsets))


def live_cluster(time: int, *offsets: int) -> bytes:
    """The same with an unknown size."""
    start = bytes.fromhex("1F43B675") + UNKNOWN_SIZE
    return start + element("E7", time.to_bytes(4, "big")) + blocks(*offsets)
