"""One field of a multipart form, read so strictly that no two readers could differ about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway_hooks.reading.form_parts import read_parts

if TYPE_CHECKING:
    from gateway_hooks.reading.form_parts import Part

_MOST_BYTES: Final = 4096
_NAME = re.compile(rb"(?<![a-z0-9_-])name\*?\s*=")


def read_fields(content_type: str, body: bytes, wanted: str) -> list[str]:
    """The values of a text field, one for each time that it is given.

    Raises:
        Ambiguous: the form is broken, or a part could be taken for another.
    """
    from gateway_hooks.gateway.access.request_names import Ambiguous

    read = read_parts(content_type, body)
    is_clear = read.is_whole and content_type.lower().count("boundary") == 1
    named = [(_name(part), part) for part in read.parts]
    if is_clear and not any(name is None or _strange(name, part, wanted) for name, part in named):
        return [part.text for name, part in named if name == wanted]
    raise Ambiguous("The form is broken or names a part in more than one way.")


def _name(part: Part) -> str | None:
    """What every reader would call the part; None when they could differ."""
    if len(part.dispositions) != 1 or len(_NAME.findall(part.dispositions[0].lower())) != 1:
        return None
    return part.options().get(b"name", b"").decode("utf-8", "replace").strip()


def _strange(name: str, part: Part, wanted: str) -> bool:
    """Whether a part is almost the wanted one."""
    if name.casefold() != wanted:
        return False
    return name != wanted or len(part.content) > _MOST_BYTES or b"filename" in part.options()
