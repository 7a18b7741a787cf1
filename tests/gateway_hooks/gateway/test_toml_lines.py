"""The line that is told is the line where the setting stands."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_hooks.gateway.toml_lines import line_of

EXAMPLE = '''\
# [server]
[server]
host = "a # no comment"
motd = """
[backends]
port = 1
"""
port = 1

[[pools]]
deployments = [
  "a",  # one ]
  'b]',
]
routes = [
  { backend = "x", priority = 1 },
  { backend = "y", "weight" = 2 }, { backend = "z" },
]
[[pools]]
[[pools.routes]]
backend = "x"
[[pools.routes]]
backend = "y"
limits.tokens.minute = 5
[ "odd" . 'table' ]
key = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("server",), 2),
        (("server", "host"), 3),
        (("server", "port"), 8),
        (("server", "missing"), 2),
        (("nowhere", "at", "all"), 1),
        (("pools", 0, "deployments"), 11),
        (("pools", 0, "deployments", 1), 13),
        (("pools", 0, "routes", 0, "priority"), 16),
        (("pools", 0, "routes", 1, "weight"), 17),
        (("pools", 0, "routes", 2, "backend"), 17),
        (("pools", 1), 19),
        (("pools", 1, "routes", 0, "backend"), 21),
        (("pools", 1, "routes", 1, "backend"), 23),
        (("pools", 1, "routes", 1, "limits", "tokens", "minute"), 24),
        (("pools", 1, "routes", 1, "priority"), 22),
        (("odd", "table", "key"), 26),
    ],
)
def test_lines_of_a_file_as_people_write_it(path: tuple[int | str, ...], line: int) -> None:
    """Arrays of tables, inline tables over several lines, strings that look like tables."""
    tomllib.loads(EXAMPLE)
    assert line_of(EXAMPLE, path) == line


keys = st.from_regex(r"[a-z]{1,4}", fullmatch=True)
texts = st.sampled_from(["x", "a = 1", "[[t]]", "'#'", '"', "]}", ""])
scalars = st.one_of(
    st.integers(0, 99).map(str),
    st.booleans().map(lambda value: "true" if value else "false"),
    texts.map(json.dumps),
    texts.map(lambda text: '"""\n' + text.replace('"', "") + '\n"""'),
    st.lists(texts, max_size=3).map(
        lambda many: "[\n" + "".join(f"{json.dumps(one)}, # ]\n" for one in many) + "]"
    ),
    st.dictionaries(keys, st.integers(0, 9), max_size=2).map(
        lambda table: "{" + ", ".join(f"{key} = {value}" for key, value in table.items()) + "}"
    ),
)
tables = st.dictionaries(keys, scalars, max_size=4)


@given(st.lists(tables, max_size=4), st.dictionaries(keys, tables, max_size=3))
def test_each_key_of_a_generated_file_is_found(
    entries: list[dict[str, str]], single: dict[str, dict[str, str]]
) -> None:
    """Whatever the values look like, the line is the one that begins with the key."""
    single.pop("many", None)
    lines: list[str] = []
    expected: dict[tuple[int | str, ...], int] = {}

    def write(table: dict[str, str], *path: int | str) -> None:
        expected[path] = len(lines)
        for key, value in table.items():
            expected[*path, key] = len(lines) + 1
            lines.extend(f"{key} = {value}".split("\n"))

    for number, table in enumerate(entries):
        lines.append("[[many]]")
        write(table, "many", number)
    for name, table in single.items():
        lines.append(f"[ {name} ] # {name} = 1")
        write(table, name)
    text = "\n".join(lines)
    tomllib.loads(text)
    assert {path: line_of(text, path) for path in expected} == expected
