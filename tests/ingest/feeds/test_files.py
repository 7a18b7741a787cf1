"""Messages are found in files of every layout, whatever their size and wherever they break off."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds import files
from ingest.feeds.files import find_files, read_messages

if TYPE_CHECKING:
    from pathlib import Path

    from tests.queue_samples import MakeLine

RECORDS: list[dict[str, Any]] = [
    {"id": 1, "text": 'a "quoted" { brace [ and \\ slash'},
    {"id": 2, "nested": {"list": [1, {"a": []}, "]"], "empty": {}}},
    {"id": 3, "text": "line\nbreak, é, \u2028 and \\"},
]


def messages(content: bytes) -> list[bytes]:
    """What a file's messages are."""
    return [one.body.strip() for one in read_messages(io.BufferedReader(io.BytesIO(content)))]


def values(content: bytes) -> list[Any]:
    """The same, decoded."""
    return [json.loads(one) for one in messages(content)]


LAYOUTS = {
    "lines": lambda records: b"".join(json.dumps(one).encode() + b"\n" for one in records),
    "lines of windows": lambda records: b"".join(
        json.dumps(one).encode() + b"\r\n" for one in records
    ),
    "no last newline": lambda records: b"\n".join(json.dumps(one).encode() for one in records),
    "array": lambda records: json.dumps(records).encode(),
    "pretty array": lambda records: json.dumps(records, indent=4).encode(),
    "pretty": lambda records: b"\n".join(json.dumps(one, indent=2).encode() for one in records),
    "byte order mark": lambda records: b"\xef\xbb\xbf" + json.dumps(records, indent=1).encode(),
    "array of lines": lambda records: (
        b"[\n" + b",\n".join(json.dumps(one).encode() for one in records) + b"\n]\n"
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("block", [1, 7, 1 << 20])
@pytest.mark.parametrize("packed", [False, True])
def test_every_layout_is_read(
    monkeypatch: pytest.MonkeyPatch, layout: str, block: int, *, packed: bool
) -> None:
    """Exports differ, and where a block of reading ends makes no difference."""
    monkeypatch.setattr(files, "_BLOCK_BYTES", block)
    content = LAYOUTS[layout](RECORDS)
    assert values(gzip.compress(content) if packed else content) == RECORDS


@given(
    records=st.lists(
        st.dictionaries(
            st.text(max_size=5), st.text(max_size=9) | st.lists(st.text(max_size=3)), min_size=1
        ),
        max_size=5,
    ),
    layout=st.sampled_from(sorted(LAYOUTS)),
    indent=st.sampled_from([None, 1]),
)
def test_any_text_is_read(records: list[Any], layout: str, indent: int | None) -> None:
    """Quotes, brackets and escapes inside texts do not end a message."""
    assert values(LAYOUTS[layout](records)) == records
    printed = b"\n".join(
        json.dumps(one, indent=indent, ensure_ascii=False).encode() for one in records
    )
    assert values(printed) == records


def test_a_message_that_breaks_off_is_one_message(event_line: MakeLine) -> None:
    """The records before and behind it are whole."""
    pretty = json.dumps(RECORDS[1], indent=2).encode()
    assert messages(pretty + b'\n{\n  "cut": "here\n' + pretty) == [
        pretty,
        b'{\n  "cut": "here',
        pretty,
    ]
    line = event_line(1)
    assert messages(line + b'{"cut": \n' + line) == [line.strip(), b'{"cut":', line.strip()]
    assert messages(b"no json at all\n") == [b"no json at all"]


def test_our_own_lines_go_in_packs(event_line: MakeLine) -> None:
    """They are not read one by one, and foreign lines among them are."""
    own = [event_line(number) for number in range(4)]
    foreign = b'{"id": 5}\n'
    content = foreign + own[0] + own[1] + foreign + own[2] + own[3]
    assert messages(content) == [
        foreign.strip(),
        (own[0] + own[1]).strip(),
        foreign.strip(),
        (own[2] + own[3]).strip(),
    ]


def test_positions_are_where_messages_begin() -> None:
    """A dead letter leads to the byte in the file."""
    content = b"\n\n".join(json.dumps(one, indent=2).encode() for one in RECORDS)
    for one in read_messages(io.BytesIO(content)):
        assert content[one.position : one.position + len(one.body)] == one.body


@pytest.mark.parametrize("layout", ["lines", "pretty"])
def test_a_message_that_is_too_long_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    """Memory is bounded, and what follows is read."""
    monkeypatch.setattr(files, "LONGEST_MESSAGE_BYTES", 1000)
    monkeypatch.setattr(files, "_BLOCK_BYTES", 64)
    records = [RECORDS[0], {"long": ["x" * 20] * 200}, RECORDS[1]]
    found = list(read_messages(io.BytesIO(LAYOUTS[layout](records))))
    assert [one.problem is None for one in found] == [True, False, True]
    assert json.loads(found[2].body) == RECORDS[1]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (gzip.compress(LAYOUTS["lines"](RECORDS))[:-12], "cannot be read on"),
        (b"Obj\x01 and so on", "Avro"),
        (b"PAR1\x00\x00\x15", "no text"),
    ],
)
def test_damaged_and_foreign_files_say_what_is_wrong(content: bytes, problem: str) -> None:
    """They are one dead letter and not thousands."""
    last = list(read_messages(io.BufferedReader(io.BytesIO(content))))[-1]
    assert problem in str(last.problem)


def test_folders_are_read_with_all_below(tmp_path: Path) -> None:
    """Azure Storage nests by year, month, day and hour; hidden files are not exports."""
    hour = tmp_path / "insights-logs" / "y=2026" / "m=11" / "d=20" / "h=09"
    hour.mkdir(parents=True)
    (hour / "PT1H.json").write_text("{}")
    (tmp_path / "insights-logs" / ".index").write_text("{}")
    (tmp_path / "one.json").write_text("{}")
    found = find_files([tmp_path / "insights-logs", tmp_path / "one.json", tmp_path / "one.json"])
    assert [path for _, path in found] == [hour / "PT1H.json", tmp_path / "one.json"]
    assert all(name == path.as_posix() for name, path in found)
