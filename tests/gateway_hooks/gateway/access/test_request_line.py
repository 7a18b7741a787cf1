"""A path is read only if every reader would find the same deployments and items in it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from urllib.parse import unquote

from hypothesis import example, given
from hypothesis import strategies as st

from gateway_hooks.gateway.access.request_line import read_line

ATOMS = (
    *("/", "/", "/", "//", ".", "..", "%2e", "%2E%2e", "%2f", "%2F", "%5c", "\\", "%25", "%252f"),
    *(
        ";",
        ";x=1",
        "%3b",
        "%00",
        "%20",
        "%64",
        "%",
        "?",
        "#",
        "%23",
        "%3F",
        "\t",
        "%0a",
        "é",
        "%c3",
    ),
    *("openai", "v1", "deployments", "%64eployments", "Engines", "engines", "models", "gpt-4o"),
    *("chat", "completions", "responses", "operations", "images", "resp_1", "conversations", "a"),
)
NAMED = re.compile(r"/(?:deployments|engines)/+([^/]+)", re.IGNORECASE)
STORED = re.compile(r"/(?:responses|conversations|operations/+images)/+([^/]+)", re.IGNORECASE)
READERS: tuple[Callable[[str], str], ...] = (
    str,
    unquote,
    lambda raw: unquote(unquote(raw)),
    posixpath.normpath,
    lambda raw: posixpath.normpath(unquote(raw)),
    lambda raw: unquote(posixpath.normpath(raw)),
    lambda raw: posixpath.normpath(unquote(unquote(raw))),
    lambda raw: posixpath.normpath(unquote(raw).replace("\\", "/")),
    lambda raw: re.sub(r";[^/]*", "", unquote(raw)),
    lambda raw: posixpath.normpath(re.sub(r";[^/]*", "", unquote(raw))),
    lambda raw: unquote(raw.partition("?")[0].partition("#")[0]),
    lambda raw: unquote(raw).partition("?")[0].partition("#")[0],
    lambda raw: unquote(raw).partition("\x00")[0],
)


def found(pattern: re.Pattern[str], text: str) -> set[str]:
    """What a reader finds, in the decoded spelling."""
    return {unquote(one) for one in pattern.findall(text)}


@given(st.lists(st.sampled_from(ATOMS), max_size=14).map(lambda parts: "/" + "".join(parts)))
@example("/openai/deployments/a/../gpt-4o/chat")
@example("/openai/deployments/a%2f..%2fgpt-4o/chat")
@example("/openai/deployments/a/deployments/gpt-4o/chat/completions")
@example("/openai/v1/responses/resp_1/input_items")
def test_readers_agree_on_what_is_read(raw: str) -> None:
    """Decoding once or twice, taking dots and parameters away: no reader finds another name."""
    scope = {"path": unquote(raw), "raw_path": raw.encode("latin-1")}
    line = read_line(scope)
    if line is None:
        return
    for read in READERS:
        text = read(raw)
        assert found(NAMED, text) <= set(line.deployments), text
        assert found(STORED, text) <= {*line.items, "compact", "input_tokens"}, text


def test_usual_paths_are_read() -> None:
    """What SDKs send is never refused, prefix, colon and trailing slash included."""
    for path, deployments, items in (
        ("/openai/deployments/gpt-4.1_x/chat/completions", ("gpt-4.1_x",), ()),
        ("/team/openai/deployments/a/images/generations", ("a",), ()),
        ("/openai/images/generations:submit", (), ()),
        ("/openai/v1/responses", (), ()),
        ("/openai/v1/responses/compact", (), ()),
        ("/openai/v1/responses/resp_1/cancel/", (), ("resp_1",)),
        ("/openai/operations/images/1-2", (), ("1-2",)),
        ("/", (), ()),
    ):
        line = read_line({"path": path, "raw_path": path.encode()})
        assert line is not None, path
        assert (line.deployments, line.items) == (deployments, items)
        assert read_line({"path": path}) == line


def test_escapes_that_change_nothing_are_read() -> None:
    """Some clients escape every sign that is no letter."""
    line = read_line({"path": "/deployments/a:b", "raw_path": b"/deployments/a%3Ab"})
    assert line is not None
    assert line.deployments == ("a:b",)
