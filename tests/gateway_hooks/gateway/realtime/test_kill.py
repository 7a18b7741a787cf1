"""The promise under kill -9: who has seen the end of a response has an event in the queue."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

GATEMETER = [sys.executable, "-c", "from gatemeter.cli import main; main()", "gateway"]


async def test_a_killed_gateway_has_kept_the_event_of_every_response_that_was_seen(
    tmp_path: Path, start_simulator: Any, plain: Callable[..., connect]
) -> None:
    """The event is on disk before `response.done` goes out."""
    simulator = start_simulator()
    environment = os.environ | {"GATEMETER_HOME": str(tmp_path)}
    process = subprocess.Popen(  # noqa: ASYNC220 - nothing else waits meanwhile
        [*GATEMETER, "--port", "0", "--backend", simulator.url],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        assert process.stderr is not None
        url = process.stderr.readline().split()[2].rstrip(",")
        async with plain(url) as session:
            await session.send('{"type":"response.create"}')
            async for text in session:
                if '"response.done"' in text:
                    process.kill()
                    break
    finally:
        process.kill()
        process.communicate()
    (entry,) = simulator.ledger.entries()
    queue = b"".join(path.read_bytes() for path in (tmp_path / "queue").glob("*.ndjson*"))
    assert queue.count(b'"event_id"') == 1
    assert entry.response_id.encode() in queue
