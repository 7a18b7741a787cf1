"""Writes the parts of docs/ that the code knows better than a person.

Plain, it writes them; with `--check` it names those out of date and exits with 1.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel

from gatemeter.settings import Settings
from gateway_hooks.event import json_schema
from gateway_hooks.gateway.config import GatewayConfig, RouteTable
from gateway_hooks.settings import PREFIX, HookSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic.fields import FieldInfo

DOCS = Path(__file__).parent


def settings_table() -> str:
    """Every setting: variable, default, meaning, and whether a gateway reads it."""
    rows = ["| variable | default | read by | meaning |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        reader = "hooks" if name in HookSettings.model_fields else "command line"
        meaning = (field.description or "").replace("|", "\\|")
        default = _default(name, field.default)
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {reader} | {meaning} |")
    return "\n".join(rows)


def event_table() -> str:
    """Every field of the event with its type and meaning."""
    return _schema_table(json_schema())


def attempt_table() -> str:
    """Every field of an attempt."""
    definitions = json_schema()["$defs"]
    assert isinstance(definitions, dict)  # noqa: S101 - for the type checker; pydantic made it
    return _schema_table(definitions["Attempt"])


def gateway_tables() -> str:
    """Every setting of gateway.toml, table by table."""
    rows = ["| table | setting | default | meaning |", "|---|---|---|---|"]
    for name, field in GatewayConfig.model_fields.items():
        model, brackets = _table_of(field.annotation, name)
        for setting, part in model.model_fields.items():
            if _model_in(part.annotation) is not None:
                continue  # a table of its own
            meaning = (part.description or "").replace("|", "\\|")
            default = _default_of(part)
            rows.append(f"| `{brackets}` | `{setting}` | {default} | {meaning} |")
        if name == "pools":
            for setting, part in RouteTable.model_fields.items():
                default = "(needed)" if part.is_required() else _plain_default(part.default)
                rows.append(
                    f"| `[[pools.routes]]` | `{setting}` | {default} | {part.description or ''} |"
                )
    return "\n".join(rows)


def _table_of(annotation: Any, name: str) -> tuple[type[BaseModel], str]:  # noqa: ANN401 - any type
    model = _model_in(annotation)
    assert model is not None, name  # noqa: S101 - every setting of the file is a table
    several = get_origin(annotation) is tuple
    return model, f"[[{name}]]" if several else f"[{name}]"


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - any type
    """The table that a setting holds, alone or several times."""
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def _default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "(needed)"
    return _plain_default(field.get_default(call_default_factory=True))


def _plain_default(value: object) -> str:
    if value is None or value in ((), {}):
        return ""
    if isinstance(value, dict):
        return " ".join(f"`{name} = {one}`" for name, one in value.items())
    if isinstance(value, tuple):
        return " ".join(f"`{one}`" for one in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


GENERATED: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "settings.md": {"settings": settings_table},
    "gateway.md": {"gateway": gateway_tables},
    "events.md": {"event": event_table, "attempt": attempt_table},
}


def render(path: Path, parts: Mapping[str, Callable[[], str]]) -> str:
    """The file's text with each `<!-- name -->` ... `<!-- /name -->` block made anew."""
    text = path.read_text()
    for name, make in parts.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        match = pattern.search(text)
        if match is None:
            raise SystemExit(f"{path} has no block <!-- {name} -->")
        text = f"{text[: match.end(1)]}{make()}\n{text[match.start(2) :]}"
    return text


def main(arguments: Iterable[str]) -> int:
    """Write or check every generated file."""
    check = "--check" in set(arguments)
    wanted = {DOCS / file: render(DOCS / file, parts) for file, parts in GENERATED.items()}
    wanted[DOCS / "event.schema.json"] = json.dumps(json_schema(), indent=2) + "\n"
    stale = [path for path, text in wanted.items() if not _same(path, text)]
    if not check:
        for path in stale:
            path.write_text(wanted[path])
    for path in stale:
        print(f"{'out of date' if check else 'written'}: docs/{path.name}")
    return 1 if check and stale else 0


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


def _default(name: str, value: object) -> str:
    # Two defaults depend on the machine that reads them.
    if name == "home":
        return "`~/.gatemeter`"
    if name == "gateway":
        return "host name"
    if value is None or value in ({}, ()) or isinstance(value, BaseModel):
        return ""
    return f"`{' '.join(value) if isinstance(value, tuple) else value}`"


def _schema_table(schema: Mapping[str, Any]) -> str:
    rows = ["| field | type | meaning |", "|---|---|---|"]
    required = set(schema["required"])
    for name, field in schema["properties"].items():
        star = " (always)" if name in required else ""
        rows.append(f"| `{name}`{star} | {_type(field)} | {field.get('description', '')} |")
    return "\n".join(rows)


def _type(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[-1]
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    if field.get("type") == "object":
        return f"{{name: {_type(field['additionalProperties'])}}}"
    return str(field.get("type", ""))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
