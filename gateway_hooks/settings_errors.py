"""What is wrong with settings, in the words of whoever wrote them: file, table, field, what to do.

A value is never quoted: it may be a secret, or a secret in the wrong place.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_NAMED_BY: Final = ("name", "deployment")
_LONGEST_NAME: Final = 80
_SAID: Final[Mapping[str, str]] = {
    "missing": "is missing: add it",
    "extra_forbidden": "is not known here: correct its spelling or take it out; "
    "docs/settings.md lists what there is",
    "union_tag_invalid": "its `type` is none that there is: docs/settings.md lists them",
    "union_tag_not_found": "`type` is missing: add it",
}


class WrongAt(ValueError):
    """Raised by a model's validator for what is wrong further within it."""

    def __init__(self, at: tuple[int | str, ...], what: str) -> None:
        super().__init__(what)
        self.at = at


def sentence(file: Path | str | None, place: str, what: str) -> str:
    """One wrong setting, in one line; without a file it stands in the environment."""
    return ": ".join(part for part in (str(file or ""), place, what) if part)


def explain(
    error: ValidationError,
    file: Path | None,
    written: Mapping[str, object],
    variable: Callable[[str], str | None],
) -> str:
    """One line that says of each wrong setting where it is, what is wrong and what to do.

    Args:
        error: pydantic's.
        file: the settings' file, if there is one.
        written: what stands in it.
        variable: by the name of a setting, what sets it instead of the file; None: nothing does.
    """
    in_file, elsewhere = [], []
    for detail in error.errors(include_url=False, include_input=False):
        path, what = detail["loc"], _what(detail)
        set_by = variable(str(path[0])) if path else None
        if file is None or set_by is not None:
            place = ".".join([set_by or str(path[0]), *map(str, path[1:])]) if path else ""
            elsewhere.append(sentence(None, place, what))
        else:
            place = _place(path, written, missing=detail["type"] == "missing")
            in_file.append(sentence(None, place, what))
    if in_file:
        elsewhere.append(sentence(file, "", "; ".join(in_file)))
    return "; ".join(elsewhere)


def each(
    error: ValidationError, written: Mapping[str, object]
) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Path and words of each thing that is wrong in a file, which holds what is `written`."""
    for detail in error.errors(include_url=False, include_input=False):
        raised = detail.get("ctx", {}).get("error")
        path = (*detail["loc"], *(raised.at if isinstance(raised, WrongAt) else ()))
        place = _place(path, written, missing=detail["type"] == "missing")
        yield path, sentence(None, place, _what(detail))


def table_entry(table: str, number: int | None, name: object) -> str:
    """An entry of an array of tables: `[[budgets]] number 2 ("search")`."""
    known = isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME
    counted = "" if number is None else f" number {number}"
    called = f" {json.dumps(name, ensure_ascii=False)}" if known else ""
    return f"[[{table}]]{counted}" + (f" ({called.strip()})" if counted and called else called)


def _what(detail: ErrorDetails) -> str:
    said = _SAID.get(detail["type"])
    if said is not None:
        return said
    text = " ".join(detail["msg"].removeprefix("Value error, ").split())
    if detail["type"] == "value_error":
        return text
    text = text.removeprefix("Input ")
    return text[:1].lower() + text[1:]


def _place(path: Sequence[int | str], written: Mapping[str, object], *, missing: bool) -> str:
    """Table and field, as they stand in the file.

    Of pydantic's path, what the file does not have is left out: the number of the one table where
    there may be several, and the type that it chose of several.
    """
    at: object = written
    table: list[str] = []
    entry, field = "", ""
    for index, part in enumerate(path):
        if isinstance(part, int):
            if not isinstance(at, list) or part >= len(at):
                continue
            at = at[part]
            if isinstance(at, dict) and not field:
                name = next((at[key] for key in _NAMED_BY if key in at), None)
                entry = table_entry(_dotted(table), part + 1, name)
            else:
                field += f" number {part + 1}"
        elif isinstance(at, dict) and part in at:
            at = at[part]
            if not entry and not field and _is_table(at):
                table.append(part)
            else:
                field += f".{part}" if field else part
        elif missing and index == len(path) - 1:
            field += f".{part}" if field else part
    alone = f"[[{_dotted(table)}]]" if isinstance(at, list) else f"[{_dotted(table)}]"
    head = entry or (alone if table else "")
    return ", ".join(part for part in (head, field) if part)


def _is_table(value: object) -> bool:
    several = isinstance(value, list) and bool(value) and isinstance(value[0], dict)
    return several or isinstance(value, dict)


def _dotted(names: Sequence[str]) -> str:
    return ".".join(name if _BARE.fullmatch(name) else json.dumps(name) for name in names)
