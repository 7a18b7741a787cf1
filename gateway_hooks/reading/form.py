"""The fields and the file of a multipart/form-data body, as audio and image requests send it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gateway_hooks.reading.form_parts import read_parts

_MAX_FIELD_BYTES: Final = 4096


@dataclass(slots=True)
class Form:
    """What was in the form before it ended or broke."""

    fields: dict[str, str] = field(default_factory=dict)
    """Text fields by name, the first of each; the long ones (a prompt) are left out."""
    file: bytes | None = None
    """The content of the first part that names a file."""
    file_name: str | None = None


def read_form(content_type: str, body: bytes) -> Form:
    """Read a form; a broken one gives the parts that were whole."""
    form = Form()
    for part in read_parts(content_type, body).parts:
        options = part.options()
        name = _text(options.get(b"name", b""))
        if b"filename" in options:
            if form.file is None:
                form.file, form.file_name = part.content, _text(options[b"filename"])
        elif name and len(part.content) <= _MAX_FIELD_BYTES:
            form.fields.setdefault(name, part.text)
    return form


def read_form_texts(content_type: str, body: bytes, names: frozenset[str]) -> list[str] | None:
    """Every part of these names, whatever else its headers call it; None when the form is broken.

    For those who must not miss a text: unlike `read_form` it takes parts of any length, all parts
    of a name, and also those that pretend to be files.
    """
    read = read_parts(content_type, body)
    if not read.is_whole:
        return None
    return [part.text for part in read.parts if _text(part.options().get(b"name", b"")) in names]


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
