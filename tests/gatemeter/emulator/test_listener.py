"""The port: TLS with a certificate of one's own, WebSockets, and what cannot be used."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.eventhub import EventData, EventHubProducerClient, TransportType
from azure.eventhub.exceptions import AuthenticationError
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from gatemeter.emulator import Emulator, EmulatorError, EmulatorSettings, HubSettings
from gatemeter.emulator.websocket import PATH, SUBPROTOCOL
from tests.servers import missing

ProducerOf = Callable[..., EventHubProducerClient]


class AnyToken:
    """An Entra credential that needs no Entra."""

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        """A token that nobody can check."""
        return AccessToken("header.claims.signature", int(time.time()) + 3_600)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("openssl", "apt-get install openssl")
    paths = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-out", paths[0], "-keyout", paths[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    return paths


def test_tls_with_a_certificate_of_ones_own(
    certificate: tuple[Path, Path], producer_of: ProducerOf
) -> None:
    """The SDK verifies the certificate; without knowing it, it does not send."""
    settings = EmulatorSettings(certificate=certificate[0], private_key=certificate[1])
    with Emulator(settings) as emulator:
        options = {
            "transport_type": TransportType.Amqp,
            "custom_endpoint_address": emulator.custom_endpoint_address,
        }
        producer = producer_of(emulator, connection_verify=str(certificate[0]), **options)
        producer.send_batch([EventData(b"x" * 200_000)])
        assert [len(one.body) for one in emulator.messages()] == [200_000]
        stranger = producer_of(emulator, **options)
        with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
            stranger.send_batch([EventData(b"y")])
        assert len(emulator.messages()) == 1


def test_entra_credentials(emulator: Emulator) -> None:
    """They are let in when the settings say so, and only then."""

    def send(to: Emulator) -> None:
        with EventHubProducerClient(
            f"127.0.0.1:{to.port}",
            "usage",
            AnyToken(),
            use_tls=False,
            retry_total=0,
        ) as client:
            client.send_batch([EventData(b"x")])

    with pytest.raises(AuthenticationError):
        send(emulator)
    with Emulator(EmulatorSettings(accept_jwt=True)) as open_to_all:
        send(open_to_all)
        assert len(open_to_all.messages()) == 1


class Bridge:
    """Carries TCP connections to an emulator's WebSocket, with somebody else's WebSocket client."""

    def __init__(self, emulator: Emulator) -> None:
        self._url = f"ws://127.0.0.1:{emulator.port}{PATH}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.carried = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.carried += 1
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        protocols = [Subprotocol(SUBPROTOCOL)]
        with (
            suppress(OSError, ConnectionClosed),
            near,
            connect(self._url, subprotocols=protocols, max_size=None) as far,
        ):
            threading.Thread(target=self._to_client, args=(far, near), daemon=True).start()
            while data := near.recv(100_000):
                far.send(data)

    def _to_client(self, far: ClientConnection, near: socket.socket) -> None:
        with suppress(OSError, ConnectionClosed):
            for data in far:
                near.sendall(data if isinstance(data, bytes) else data.encode())


@pytest.fixture
def bridge(emulator: Emulator) -> Iterator[Bridge]:
    """A bridge to the emulator."""
    bridge = Bridge(emulator)
    yield bridge
    bridge.close()


def test_amqp_over_websockets(
    emulator: Emulator, bridge: Bridge, producer_of: ProducerOf,
    receive: Callable[..., list[EventData]],
) -> None:  # fmt: skip
    """The SDK's bytes, carried by an independent WebSocket client, arrive and come back."""
    through = emulator.connection_string.replace(str(emulator.port), str(bridge.port))
    producer = producer_of(emulator, connection_string=through)
    sizes = [1, 200, 70_000, 700_000]
    for size in sizes:
        producer.send_batch([EventData(b"x" * size)], partition_id="0")
    assert bridge.carried >= 1
    assert [len(one.body) for one in emulator.messages(0)] == sizes
    events = receive(emulator, 4, connection_string=through)
    assert [len(event.body_as_str()) for event in events] == sizes


def test_other_http_requests_are_not_found(emulator: Emulator) -> None:
    """A browser that strays to the port gets an answer it understands."""
    with socket.create_connection(("127.0.0.1", emulator.port), 5) as browser:
        browser.sendall(b"GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n")
        assert browser.recv(100).startswith(b"HTTP/1.1 404 ")
        assert browser.recv(100) in {b"", b"\r\n"}


def test_what_cannot_be_used_is_told_at_the_start(tmp_path: Path) -> None:
    """A taken port, a certificate that is none, and settings that contradict each other."""
    with Emulator() as emulator, pytest.raises(EmulatorError, match="choose another port"):
        Emulator(EmulatorSettings(port=emulator.port)).start()
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing")
    with pytest.raises(EmulatorError, match="cannot be used"):
        Emulator(EmulatorSettings(certificate=broken)).start()
    with pytest.raises(EmulatorError, match="certificate"):
        EmulatorSettings(private_key=broken)
    with pytest.raises(EmulatorError, match="own name"):
        EmulatorSettings(hubs=(HubSettings("a"), HubSettings("A")))
    with pytest.raises(EmulatorError, match="partitions"):
        HubSettings(partitions=0)
    with pytest.raises(EmulatorError, match="name"):
        HubSettings("../etc")
