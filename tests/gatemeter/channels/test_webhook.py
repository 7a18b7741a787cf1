"""The webhook channel, against a real HTTP server."""

from __future__ import annotations

import socket
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from analytics.alerts import AlertRules, DeliveryFailed, Watch, history, run_round
from analytics.budgets import Budget
from analytics.store import Store
from gatemeter.channels import WebhookChannel, WebhookSettings
from tests.analytics.samples import FakeClock
from tests.analytics.spending import add_charges, charge
from tests.gatemeter.channels.samples import AT, Receiver, message, receiving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "/services/T0/s3cr3t"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server."""
    with receiving(Receiver()) as running:
        yield running


def channel(url: str, **fields: Any) -> WebhookChannel:
    """The channel that posts there."""
    return WebhookChannel(
        WebhookSettings.model_validate(
            {"name": "hook", "type": "webhook", "url": url + SECRET, **fields}
        )
    )


def test_it_posts_json_with_a_stable_id(receiver: Receiver) -> None:
    """Receivers can tell a repeat by a header as well as by the body."""
    hook = channel(receiver.url, headers={"Authorization": "Bearer t0ken"})
    hook.send(message())
    hook.send(message())
    assert receiver.paths == [SECRET, SECRET]
    assert receiver.bodies[0] == receiver.bodies[1]
    asked = receiver.asked[0]
    assert asked["content-type"] == "application/json"
    assert asked["idempotency-key"] == receiver.bodies[0]["id"]
    assert asked["authorization"] == "Bearer t0ken"


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_other_answers_are_failures_that_quote_no_address(receiver: Receiver, status: int) -> None:
    """The reason says the status, and never the address, which is a secret."""
    receiver.answers = [status]
    with pytest.raises(DeliveryFailed) as caught:
        channel(receiver.url).send(message())
    assert str(caught.value) == f"the address answered {status}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    """A POST must not turn into a GET somewhere else and count as delivered."""
    receiver.answers, receiver.headers = [status], {"Location": f"{receiver.url}/elsewhere"}
    with pytest.raises(DeliveryFailed, match=str(status)):
        channel(receiver.url).send(message())
    assert receiver.paths == [SECRET]


def test_no_connection_is_a_reason_without_the_address() -> None:
    """What the system says is enough."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(DeliveryFailed) as caught:
            channel(url).send(message())
    assert "no connection" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    with pytest.raises(DeliveryFailed, match="no connection"):
        channel("http://nowhere.invalid").send(message())


def test_a_server_that_never_answers_is_waited_for_no_longer_than_said(
    receiver: Receiver,
) -> None:
    """The time limit ends it; the server may have taken it, so it will be sent again."""
    receiver.wait = threading.Event()
    with pytest.raises(DeliveryFailed, match="took too long"):
        channel(receiver.url, timeout_seconds=0.3).send(message())
    assert len(receiver.bodies) == 1


def test_what_is_no_http_is_a_failure() -> None:
    """A server that talks something else, or breaks off."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def babble() -> None:
            for reply in (b"SSH-2.0-OpenSSH\r\n", b""):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(reply)

        thread = threading.Thread(target=babble)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        for _ in range(2):
            with pytest.raises(DeliveryFailed):
                channel(url).send(message())
        thread.join()


def test_a_receiver_that_fails_twice_gets_each_alert_once(
    receiver: Receiver, tmp_path: Path
) -> None:
    """Two failures, then success: three attempts with one id, one delivery, and none after."""
    receiver.answers = [500, 503]
    budget = Budget.model_validate({"name": "all", "limit": 100, "channels": ["hook"]})
    rules = AlertRules(anomaly_by=(), unpriced=False, dead_letters=False)
    watch = Watch([budget], [], rules, "UTC")
    clock, channels = FakeClock(AT), {"hook": channel(receiver.url)}
    with Store.open(str(tmp_path / "store")) as store:
        add_charges(store, [charge(AT, "85")])
        seen = []
        for _ in range(6):
            done = run_round(store, watch, channels, clock)
            seen += [(outcome.error or "sent") for outcome in (*done.failed, *done.sent)]
            clock.time += timedelta(hours=1)
        row = history(store, 5).row(0, named=True)
    assert seen == ["the address answered 500", "the address answered 503", "sent"]
    assert (row["state"], row["attempts"], row["last_error"]) == ("delivered", 3, None)
    assert len({body["id"] for body in receiver.bodies}) == 1
    assert receiver.bodies[0] == receiver.bodies[2]
