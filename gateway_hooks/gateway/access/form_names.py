"""One field of a multipart form, read so strictly that no two readers could differ about it."""

from __future__ import annotations

import re
from typing import Any, Final

_MOST_BYTES: Final = 4096
_NAME = re.compile(rb"(?<![a-z0-9_-])name\*?\s*=")
_DISPOSITION: Final = b"content-disposition"


class _Part:
    """A part while it is being read."""

    def __init__(self) -> None:
        self.header = bytearray()
        self.value = bytearray()
        self.dispositions: list[bytes] = []
        self.content = bytearray()
        self.is_cut = False


class _Reader:
    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._part = _Part()
        self.found: list[str] = []
        self.is_strange = False
        self.is_whole = False

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
        self._part = _Part()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._part.header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._part.value += data[start:end]

    def _header_end(self) -> None:
        part = self._part
        if bytes(part.header).strip().lower() == _DISPOSITION:
            part.dispositions.append(bytes(part.value))
        part.header.clear()
        part.value.clear()

    def _data(self, data: bytes, start: int, end: int) -> None:
        room = _MOST_BYTES - len(self._part.content)
        self._part.is_cut = self._part.is_cut or end - start > room
        self._part.content += data[start : min(end, start + room)]

    def _end(self) -> None:
        from python_multipart.multipart import parse_options_header

        part = self._part
        if len(part.dispositions) != 1 or len(_NAME.findall(part.dispositions[0].lower())) != 1:
            self.is_strange = True
            return
        _, options = parse_options_header(part.dispositions[0])
        name = options.get(b"name", b"").decode("utf-8", "replace").strip()
        if name.casefold() != self._wanted:
            return
        if name != self._wanted or part.is_cut or b"filename" in options:
            self.is_strange = True
        self.found.append(part.content.decode("utf-8", "replace"))

    def _whole(self) -> None:
        self.is_whole = True


def read_fields(content_type: str, body: bytes, wanted: str) -> list[str]:
    """The values of a text field, one for each time that it is given.

    Raises:
        Ambiguous: the form is broken, or a part could be taken for another.
    """
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    from gateway_hooks.gateway.access.request_names import Ambiguous

    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    reader = _Reader(wanted)
    if boundary and content_type.lower().count("boundary") == 1:
        try:
            parser = MultipartParser(boundary, reader.callbacks())
            parser.write(body)
            parser.finalize()
        except FormParserError:
            reader.is_strange = True
    if not reader.is_whole or reader.is_strange:
        raise Ambiguous("The form is broken or names a part in more than one way.")
    return reader.found
