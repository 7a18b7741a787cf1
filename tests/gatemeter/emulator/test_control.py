"""Faults over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest
from azure.eventhub import EventData, EventHubProducerClient

from gatemeter.emulator import Emulator, Faults
from gatemeter.emulator.control import FAULTS, ControlServer


@pytest.fixture
def url(emulator: Emulator) -> Iterator[str]:
    """Where the emulator takes its faults."""
    server = ControlServer(emulator, 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.url
    server.shutdown()
    server.server_close()
    thread.join()


def test_every_fault_can_be_asked_for(emulator: Emulator, url: str) -> None:
    """Each name of the list is a method with those arguments, and works without any."""
    for name in FAULTS:
        assert httpx.post(f"{url}/faults/{name}").json() == {"done": f"/faults/{name}"}
    assert emulator.faults.take_send_fault() is None  # `clear` came last
    public = {name for name in vars(Faults) if not name.startswith(("_", "take_", "cancel_"))}
    assert set(FAULTS) == public


def test_a_rejection_and_a_trim_by_http(
    emulator: Emulator, producer: EventHubProducerClient, url: str
) -> None:
    """Arguments arrive, and the state tells what is stored where."""
    producer.send_batch([EventData(b"a"), EventData(b"b")], partition_id="1")
    assert httpx.get(url).json()["hubs"] == {"usage": {"0": 0, "1": 2}}
    httpx.post(f"{url}/trim", json={"partition": "1", "keep": 1}).raise_for_status()
    assert httpx.get(url).json()["hubs"] == {"usage": {"0": 0, "1": 1}}
    fault = {"count": 1, "condition": "amqp:not-allowed"}
    httpx.post(f"{url}/faults/reject_sends", json=fault).raise_for_status()
    plan = emulator.faults.take_send_fault()
    assert plan is not None
    assert plan.condition == "amqp:not-allowed"


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/faults/reject_sends", b'{"count": "many"}', "count cannot be 'many'"),
        ("/faults/reject_sends", b'{"count": true}', "count cannot be True"),
        ("/faults/reject_sends", b'{"count": -1}', "0 or more times"),
        ("/faults/pause", b'{"minutes": 3}', "'minutes' is not one of seconds"),
        ("/faults/pause", b"[1]", "JSON object"),
        ("/faults/pause", b"{", "no JSON"),
        ("/trim", b'{"partition": "9"}', "partition '9'"),
        ("/trim", b"{}", "partition"),
        ("/faults/explode", b"", "/faults/reject_sends"),
        ("/faults/__init__", b"", "/faults/reject_sends"),
    ],
)
def test_wrong_requests_are_explained(url: str, path: str, body: bytes, says: str) -> None:
    """One sentence says what would be right."""
    response = httpx.post(f"{url}{path}", content=body)
    assert response.status_code in {400, 404}
    assert says in response.json()["error"]


def test_pages_in_a_browser_have_no_say(emulator: Emulator, url: str) -> None:
    """A web site cannot break a developer's emulator."""
    headers = {"Origin": "https://example.com"}
    assert httpx.post(f"{url}/faults/reject_sends", headers=headers).status_code == 403
    assert emulator.faults.take_send_fault() is None
