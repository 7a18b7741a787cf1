"""What is kept of a forwarder's progress is a shortcut: it may be lost, and never runs ahead."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway_hooks.event_hubs.progress import FILE_NAME, Progress
from gateway_hooks.segments import SegmentName

if TYPE_CHECKING:
    from pathlib import Path


def test_a_restart_goes_on_where_it_was_kept(tmp_path: Path) -> None:
    """Positions come back as they were; writers that left nothing are forgotten."""
    progress = Progress(tmp_path)
    progress.move("a", 3, 4096)
    progress.move("gone", 9, 0)
    progress.keep(["a", "new"])
    again = Progress(tmp_path)
    assert (again.of("a"), again.of("gone"), again.of("new")) == ((3, 4096), None, None)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": "1", "b": 7, "c": -1, "d": null}'])
def test_a_broken_file_only_costs_sending_again(tmp_path: Path, content: str) -> None:
    """Whatever stands in it, a writer without a sound position is a new one."""
    (tmp_path / FILE_NAME).write_text(content)
    progress = Progress(tmp_path)
    assert {progress.of(writer) for writer in "abcd"} == {None}


def test_what_is_finished_is_noted_before_it_is_deleted(tmp_path: Path) -> None:
    """The next start knows which segment may still lie there, and that it is sent."""
    segment = SegmentName("a", 3, is_open=False)
    Progress(tmp_path).finish(segment)
    again = Progress(tmp_path)
    assert (again.sent, again.of("a")) == (segment, (4, 0))


@pytest.mark.parametrize(
    "sent", [7, None, "", "../a-00000001.ndjson", "a.ndjson", "forwarded.json"]
)
def test_only_a_sealed_segment_of_the_queue_is_ever_named_as_sent(
    tmp_path: Path, sent: object
) -> None:
    """A broken file deletes nothing else."""
    (tmp_path / FILE_NAME).write_text(json.dumps({"": sent}))
    found = Progress(tmp_path).sent
    assert found is None or found.filename == "a-00000001.ndjson"
