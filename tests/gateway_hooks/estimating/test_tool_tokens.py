"""Tokens of tool definitions, by the published recipe."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_hooks.estimating.tokenizer import CL100K, O200K
from gateway_hooks.estimating.tool_tokens import tool_tokens

FUNCTION: dict[str, Any] = {
    "name": "find_train",
    "description": "Find a train between two towns.",
    "parameters": {
        "type": "object",
        "properties": {
            "start": {"type": "string", "description": "Town to start from"},
            "class": {"type": "string", "enum": ["first", "second"]},
        },
        "required": ["start"],
    },
}


def words(text: str) -> int:
    """A tokenizer that can be checked by hand."""
    return len(text.split())


def tokens(tools: object, encoding: str = O200K) -> int:
    """Tokens with that tokenizer."""
    return tool_tokens(tools, words, encoding)


# name and description 6 words; start 4 words, class 1 word and two choices of 1 word
BY_HAND = 7 + 6 + 3 + (3 + 4) + (3 + 1 - 3 + 2 * (3 + 1)) + 12


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "function", "function": FUNCTION},
        {"type": "function", **FUNCTION},
        FUNCTION,
        {"type": "custom", "custom": FUNCTION},
    ],
)
def test_recipe(tool: object) -> None:
    """The chat, the responses and the legacy form of a function count the same."""
    assert tokens([tool]) == BY_HAND


def test_older_models_take_more() -> None:
    """A function costs three tokens more with the older vocabulary."""
    assert tokens([FUNCTION], CL100K) == BY_HAND + 3


def test_end_counts_once() -> None:
    """Two functions share the frame around them."""
    assert tokens([FUNCTION, FUNCTION]) == 2 * BY_HAND - 12


def test_nested_parameters_count() -> None:
    """Objects in objects and in lists are definitions too."""
    inner = {"type": "object", "properties": {"x": {"type": "number", "description": "two words"}}}
    shallow = {"name": "f", "parameters": {"properties": {"a": {"type": "object"}}}}
    nested = {"name": "f", "parameters": {"properties": {"a": inner}}}
    listed = {"name": "f", "parameters": {"properties": {"a": {"type": "array", "items": inner}}}}
    assert tokens([nested]) - tokens([shallow]) == 3 + 3 + 2
    assert tokens([listed]) == tokens([nested])


@pytest.mark.parametrize(
    "tools",
    [
        None,
        [],
        {},
        "x",
        [None, 5, []],
        [{"type": "web_search"}],
        [{"type": "function", "function": "x"}],
        [{"name": 5}],
    ],
)
def test_no_definitions(tools: object) -> None:
    """Built-in tools and garbage count nothing."""
    assert tokens(tools) == 0


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        "x",
        {"properties": []},
        {"properties": {"a": None, "b": 5, "c": {"enum": 3, "type": ["string", "null"]}}},
        {"properties": {"a": {"enum": [None, 1, {"b": 2}]}}, "items": 7},
    ],
)
def test_strange_parameters(parameters: object) -> None:
    """A schema of no known shape raises nothing."""
    assert tokens([{"name": "f", "parameters": parameters}]) > 0


def test_endless_nesting_ends() -> None:
    """A schema nested beyond all sense is cut, not recursed into."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(500):
        schema = {"properties": {"a": schema}}
    assert tokens([{"name": "f", "parameters": schema}]) < 1000
