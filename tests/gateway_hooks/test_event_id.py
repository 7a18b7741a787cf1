"""Event ids are unique, in order, and of the shape the event asks for."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import uuid

from pydantic import TypeAdapter

from gateway_hooks.event import EventId
from gateway_hooks.event_id import EventIds, new_event_id


def test_an_id_is_a_version_7_uuid_of_its_moment() -> None:
    """The id's first 48 bits are the request's start in milliseconds."""
    made = EventIds().new(1_800_000_000_123_000_000)
    TypeAdapter(EventId).validate_python(made)
    parsed = uuid.UUID(made)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == 1_800_000_000_123


def test_ids_grow_even_when_the_clock_steps_back() -> None:
    """One process's ids sort in the order they were made, whatever happens to the clock."""
    ids = EventIds()
    moments = [5_000_000_000, 5_000_000_000, 4_000_000_000, 5_000_000_001, 5_001_000_000]
    made = [ids.new(moment) for moment in moments]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_threads_never_share_an_id() -> None:
    """Eight threads make 8,000 different ids."""
    made: list[str] = []

    def work() -> None:
        made.extend([new_event_id() for _ in range(1000)])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8000


FORKED = """
    import os, random
    from gateway_hooks.event_id import new_event_id
    random.seed(1)
    moment = 1_800_000_000_000_000_000
    new_event_id(moment)
    reader, writer = os.pipe()
    for child in range(2):
        if os.fork() == 0:
            random.seed(1)
            os.write(writer, (new_event_id(moment) + "\\n").encode())
            os._exit(0)
        os.wait()
    print(os.read(reader, 100).decode() + new_event_id(moment))
"""


def test_forked_workers_make_different_ids() -> None:
    """Workers that forked at one moment, with one seed, do not repeat each other's random bits."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORKED)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    made = done.stdout.split()
    assert len(made) == 3
    assert len({one[19:] for one in made}) == 3
