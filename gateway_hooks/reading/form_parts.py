"""The parts of a multipart/form-data body as they stand in it; what they mean is for others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

_DISPOSITION: Final = b"content-disposition"


@dataclass(slots=True)
class Part:
    """One part that was read to its end."""

    dispositions: list[bytes] = field(default_factory=list)
    """The values of its Content-Disposition headers: one, unless somebody plays tricks."""
    content: bytes = b""

    def options(self) -> dict[bytes, bytes]:
        """`name`, `filename` and so on; of several headers those of the last."""
        from python_multipart.multipart import parse_options_header

        return parse_options_header(self.dispositions[-1] if self.dispositions else b"")[1]

    @property
    def text(self) -> str:
        """The content of a text field."""
        return self.content.decode("utf-8", "replace")


@dataclass(slots=True)
class Parts:
    """What was in a form before it ended or broke."""

    parts: list[Part] = field(default_factory=list)
    is_whole: bool = False
    """Whether the form ended as forms end."""


def read_parts(content_type: str, body: bytes) -> Parts:
    """Read a form; a broken one gives the parts that were whole."""
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    boundary = parse_options_header(content_type)[1].get(b"boundary")
    reader = _Reader()
    if boundary:
        try:
            parser = MultipartParser(boundary, reader.callbacks())
            parser.write(body)
            parser.finalize()
        except FormParserError:
            reader.read.is_whole = False
    return reader.read


class _Reader:
    """Collects what the parser finds."""

    def __init__(self) -> None:
        self.read = Parts()
        self._part = Part()
        self._header = bytearray()
        self._value = bytearray()
        self._content: list[bytes] = []

    def callbacks(self) -> Any:  # noqa: ANN401 - the parser's typed dictionary is private to it
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._whole,
        }

    def _begin(self) -> None:
        self._part = Part()
        self._content = []

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.strip().lower() == _DISPOSITION:
            self._part.dispositions.append(bytes(self._value))
        self._header.clear()
        self._value.clear()

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._content.append(data[start:end])

    def _end(self) -> None:
        self._part.content = b"".join(self._content)
        self.read.parts.append(self._part)

    def _whole(self) -> None:
        self.read.is_whole = True
