"""A body is read only if every reader would find the same names in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_hooks.gateway.access.request_names import Ambiguous, names_in_json

KEYS = (
    *("model", "Model", "MODEL", "mod\\u0065l", "\\u006dodel", "previous_response_id", "x"),
    *("previous_response\\u005fid", "conversation", "Conversation", "tools", "\\\\u006dodel"),
)
VALUES = (
    '"a"',
    '"b"',
    "null",
    "1",
    '{"model": "a", "id": "c"}',
    '["model", "a"]',
    '"\\"model\\":"',
)


def first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A reader that takes the first of two."""
    return dict(reversed(pairs))


def folding(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """One that does not tell cases apart."""
    return {name.lower(): value for name, value in pairs}


def folding_first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Both."""
    return folding(list(reversed(pairs)))


READERS: tuple[Callable[[list[tuple[str, Any]]], dict[str, Any]], ...] = (
    dict,
    first,
    folding,
    folding_first,
)


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)), max_size=6))
def test_readers_agree_on_what_is_read(pairs: list[tuple[str, str]]) -> None:
    """First or last of two keys, with or without case: one model, one response to go on from."""
    body = "{" + ", ".join(f'"{name}": {value}' for name, value in pairs) + "}"
    try:
        names = names_in_json(body.encode())
    except Ambiguous:
        return
    for reader in READERS:
        seen = json.loads(body, object_pairs_hook=reader)
        assert seen.get("model") == names.model
        conversation = seen.get("conversation")
        if isinstance(conversation, dict):
            conversation = conversation["id"]
        referred = (seen.get("previous_response_id"), conversation)
        assert names.items == tuple(one for one in referred if one is not None)


@given(
    st.dictionaries(
        st.text(max_size=8).filter(lambda name: name.lower() != "model"),
        st.recursive(st.text() | st.integers() | st.none(), st.lists, max_leaves=5),
    ),
    st.text(min_size=1),
    st.booleans(),
)
def test_honest_bodies_are_read(fields: dict[str, Any], model: str, ascii_only: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever else is in them, in either way of writing JSON."""
    for name in ("previous_response_id", "conversation"):
        fields = {key: value for key, value in fields.items() if key.lower() != name}
    body = json.dumps({**fields, "model": model}, ensure_ascii=ascii_only).encode()
    assert names_in_json(body).model == model


def test_nobody_keeps_the_gateway_busy_with_brackets() -> None:
    """A body that has to be gone through and would take long is refused; a plain one is not."""
    filler = b"[" + b",".join([b"[]"] * 100_000) + b"]"
    plain = b'{"model": "a", "x": ' + filler + b"}"
    assert names_in_json(plain).model == "a"
    with pytest.raises(Ambiguous, match="intricate"):
        names_in_json(b'{"x": ' + filler + b', "y": {"model": 1}, "model": "a"}')
