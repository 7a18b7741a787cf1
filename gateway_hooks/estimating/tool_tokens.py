"""How many tokens the tools offered to a model are, by the published recipe for functions.

The backend writes the definitions into the prompt in a form of its own; the recipe counts names,
descriptions and types, and a fixed number for each bracket around them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.estimating.tokenizer import CL100K, O200K
from gateway_hooks.reading import wire

if TYPE_CHECKING:
    from collections.abc import Callable

_FUNCTION: Final = {O200K: 7, CL100K: 10}
_PROPERTIES: Final = 3
_PROPERTY: Final = 3
_ENUM: Final = -3
_ENUM_ITEM: Final = 3
_END: Final = 12
_MAX_DEPTH: Final = 32


def tool_tokens(tools: object, count: Callable[[str], int], encoding: str) -> int:
    """Tokens of a list of tools or legacy functions; tools without a definition count nothing.

    Args:
        tools: as the request has them.
        count: tokens of a text.
        encoding: the vocabulary, which tells the generation of the model.
    """
    functions = [_function(tool) for tool in wire.as_list(tools)]
    functions = [function for function in functions if function]
    if not functions:
        return 0
    return _END + sum(
        _FUNCTION[encoding] + _function_tokens(function, count) for function in functions
    )


def _function(tool: object) -> dict[Any, Any]:
    """The definition in a tool: nested in chat, flat in responses, bare in legacy functions."""
    fields = wire.as_dict(tool)
    nested = wire.as_dict(fields.get("function") or fields.get("custom"))
    return nested or (fields if isinstance(fields.get("name"), str) else {})


def _function_tokens(function: dict[Any, Any], count: Callable[[str], int]) -> int:
    line = f"{_text(function.get('name'))}:{_text(function.get('description')).rstrip('.')}"
    return count(line) + _schema_tokens(function.get("parameters"), count, 0)


def _schema_tokens(schema: object, count: Callable[[str], int], depth: int) -> int:
    fields = wire.as_dict(schema)
    properties = wire.as_dict(fields.get("properties"))
    tokens = _PROPERTIES if properties else 0
    for name, value in properties.items():
        if depth < _MAX_DEPTH:
            tokens += _property_tokens(name, wire.as_dict(value), count, depth)
    if fields.get("items") and depth < _MAX_DEPTH:
        tokens += _schema_tokens(fields["items"], count, depth + 1)
    return tokens


def _property_tokens(
    name: str, value: dict[Any, Any], count: Callable[[str], int], depth: int
) -> int:
    choices = wire.as_list(value.get("enum"))
    tokens = _ENUM if choices else 0
    tokens += sum(_ENUM_ITEM + count(str(choice)) for choice in choices)
    line = f"{name}:{_text(value.get('type'))}:{_text(value.get('description')).rstrip('.')}"
    return _PROPERTY + tokens + count(line) + _schema_tokens(value, count, depth + 1)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
