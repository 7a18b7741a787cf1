"""The same round trip over a real hub, for those who have one: the emulator is no proof of Azure.

    export REAL_EVENT_HUB='Endpoint=sb://...;EntityPath=...'
    pytest tests/ingest/event_hubs/test_real_namespace.py

The hub should be one that nobody else uses; what is in it already is stored, too, and not deleted.
"""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner

from analytics import Store
from gatemeter.cli import cli
from gateway_hooks.event_id import new_event_id
from gateway_hooks.queue.file_queue import FileQueue
from tests.queue_samples import sample_event_line

HUB = os.environ.get("REAL_EVENT_HUB")
pytestmark = [
    pytest.mark.skipif(HUB is None, reason="REAL_EVENT_HUB names no hub"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_a_round_trip_over_azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was appended is in the store once, after a second consumer run, too."""
    monkeypatch.setenv("GATEMETER_HOME", str(tmp_path))
    monkeypatch.setenv("GATEMETER_EVENT_HUB", str(HUB))
    gateway = f"trial-{uuid.uuid4().hex[:8]}"
    queue = FileQueue(tmp_path / "queue")
    for number in range(1000):
        queue.append(sample_event_line(number, event_id=new_event_id(), gateway=gateway))
    queue.close()
    for arguments in (["forward", "--once"], ["consume", "--once"], ["consume", "--once"]):
        result = CliRunner().invoke(cli, [*arguments, "--json"])
        assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["events_stored"] == 0
    with Store.open(str(tmp_path / "store"), read_only=True) as store:
        sums = store.frame(
            "SELECT count(*), sum(input_tokens) FROM events WHERE gateway = $1", [gateway]
        )
    assert sums.row(0) == (1000, sum(range(1000)))
