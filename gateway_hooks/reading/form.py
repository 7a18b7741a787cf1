"""The fields and the file of a multipart/form-data body, as audio and image requests send it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any, Final

_MAX_FIELD_BYTES: Final = 4096


@dataclass(slots=True)
class Form:
    """What was in the form before it ended or broke."""

    fields: dict[str, str] = field(default_factory=dict)
    """Text fields by name, the first of each; the long ones (a prompt) are left out."""
    file: bytes | None = None
    """The content of the first part that names a file."""
    file_name: str | None = None


@dataclass(slots=True)
class _Part:
    """One part while it is being read."""

    header: bytearray = field(default_factory=bytearray)
    value: bytearray = field(default_factory=bytearray)
    disposition: bytes = b""
    content: list[bytes] = field(default_factory=list)


def read_form(content_type: str, body: bytes) -> Form:
    """Read a form; a broken one gives the parts that were whole."""
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    form = Form()
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        return form
    reader = _FormReader(form)
    with contextlib.suppress(FormParserError):  # what was whole before the break is kept
        MultipartParser(boundary, reader.callbacks()).write(body)
    return form


def read_form_texts(content_type: str, body: bytes, names: frozenset[str]) -> list[str] | None:
    """Every part of these names, whatever else its headers call it; None when the form is broken.

    For those who must not miss a text: unlike `read_form` it takes parts of any length, all parts
    of a name, and also those that pretend to be files.
    """
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        return None
    reader = _TextReader(names)
    try:
        parser = MultipartParser(boundary, reader.callbacks())
        parser.write(body)
        parser.finalize()
    except FormParserError:
        return None
    return reader.texts if reader.is_whole else None


class _FormReader:
    """Collects what the parser finds."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._part = _Part()

    def callbacks(self) -> Any:  # noqa: ANN401 - the parser's typed dictionary is private to it
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._data,
            "on_part_end": self._end,
        }

    def _begin(self) -> None:
        self._part = _Part()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._part.header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._part.value += data[start:end]

    def _header_end(self) -> None:
        part = self._part
        if part.header.lower() == b"content-disposition":
            part.disposition = bytes(part.value)
        part.header.clear()
        part.value.clear()

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._part.content.append(data[start:end])

    def _end(self) -> None:
        from python_multipart.multipart import parse_options_header

        _, options = parse_options_header(self._part.disposition)
        key = options.get(b"name", b"").decode("utf-8", "replace")
        content = b"".join(self._part.content)
        if b"filename" in options:
            if self._form.file is None:
                self._form.file = content
                self._form.file_name = options[b"filename"].decode("utf-8", "replace")
        elif key and len(content) <= _MAX_FIELD_BYTES:
            self._form.fields.setdefault(key, content.decode("utf-8", "replace"))


class _TextReader(_FormReader):
    """Collects the texts of some names."""

    def __init__(self, names: frozenset[str]) -> None:
        super().__init__(Form())
        self._names = names
        self.texts: list[str] = []
        self.is_whole = False

    def callbacks(self) -> Any:  # noqa: ANN401 - the parser's typed dictionary is private to it
        return {**super().callbacks(), "on_end": self._whole}

    def _whole(self) -> None:
        self.is_whole = True

    def _end(self) -> None:
        from python_multipart.multipart import parse_options_header

        _, options = parse_options_header(self._part.disposition)
        if options.get(b"name", b"").decode("utf-8", "replace") in self._names:
            self.texts.append(b"".join(self._part.content).decode("utf-8", "replace"))
