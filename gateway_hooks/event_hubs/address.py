"""Which hub, and how to log in to it: read from one setting, turned into the SDK's clients.

    Endpoint=sb://...;SharedAccessKeyName=...;SharedAccessKey=...;EntityPath=<hub>   a key
    sb://<namespace>.servicebus.windows.net/<hub>                                    Entra

The second form logs in as `DefaultAzureCredential` does: managed identity, environment, `az login`.
The SDK is imported only when a client is made.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Self
from urllib.parse import urlsplit

from gateway_hooks.errors import SettingsError

if TYPE_CHECKING:
    from azure.eventhub.aio import CheckpointStore, EventHubConsumerClient, EventHubProducerClient

Transport = Literal["amqp", "websocket"]

_VARIABLE: Final = "GATEMETER_EVENT_HUB"
_FORMS: Final = (
    "give a connection string with EntityPath=<hub>, or sb://<namespace>/<hub> to log in by Entra"
)
# The SDK keeps idle links alive only when it is told to; a firewall drops them otherwise.
_KEEP_ALIVE_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class HubAddress:
    """A hub and the way in. Its text shows no key."""

    host: str
    """With the port when the address names one."""
    hub: str
    connection_string: str | None = field(default=None, repr=False)
    transport: Transport = "amqp"
    endpoint: str | None = None
    """Where to connect instead of the host: a private endpoint, a proxy, an emulator."""

    @classmethod
    def parse(
        cls, text: str, *, transport: Transport = "amqp", endpoint: str | None = None
    ) -> Self:
        """Read a setting.

        Args:
            text: one of the two forms.
            transport: AMQP over TCP, or over WebSockets through port 443.
            endpoint: `sb://HOST[:PORT]` to connect to instead of the hub's host.

        Raises:
            SettingsError: it is neither form; the message does not quote it.
        """
        if "=" not in text:
            url = urlsplit(text)
            hub = url.path.strip("/")
            if url.scheme != "sb" or not url.netloc or not hub or "/" in hub:
                raise SettingsError(f"{_VARIABLE}: no hub is named: {_FORMS}")
            return cls(url.netloc, hub, None, transport, endpoint)
        pairs = (part.partition("=") for part in text.split(";") if part)
        parts = {name.strip().lower(): value.strip() for name, _, value in pairs}
        host, hub = urlsplit(parts.get("endpoint", "")).netloc, parts.get("entitypath", "")
        if not host:
            raise SettingsError(f"{_VARIABLE}: the connection string has no Endpoint: {_FORMS}")
        if not hub:
            raise SettingsError(f"{_VARIABLE}: the connection string has no EntityPath: {_FORMS}")
        if not (parts.get("sharedaccesskeyname") and parts.get("sharedaccesskey")) and not (
            parts.get("sharedaccesssignature")
        ):
            raise SettingsError(f"{_VARIABLE}: the connection string has no key: {_FORMS}")
        return cls(host, hub, text, transport, endpoint)

    def __str__(self) -> str:
        return f"sb://{self.host}/{self.hub}"

    def producer(self) -> EventHubProducerClient:
        """A new client that sends. It connects with its first call."""
        from azure.eventhub.aio import EventHubProducerClient

        # One try a call: the forwarder repeats by its own, longer pauses.
        options = {**self._options(), "retry_total": 0}
        if self.connection_string is not None:
            return EventHubProducerClient.from_connection_string(self.connection_string, **options)
        return EventHubProducerClient(self.host, self.hub, _credential(), **options)

    def consumer(
        self, group: str, checkpoints: CheckpointStore, *, balance_seconds: float = 10.0
    ) -> EventHubConsumerClient:
        """A new client that receives, sharing the partitions with others of its group.

        Args:
            group: consumer group.
            checkpoints: where the owners of partitions are kept.
            balance_seconds: how often it looks whether partitions are fairly shared; an owner
                that was silent for six times as long loses its own.
        """
        from azure.eventhub.aio import EventHubConsumerClient

        options = {
            **self._options(),
            "checkpoint_store": checkpoints,
            "load_balancing_interval": balance_seconds,
            "partition_ownership_expiration_interval": 6 * balance_seconds,
        }
        if self.connection_string is not None:
            return EventHubConsumerClient.from_connection_string(
                self.connection_string, group, **options
            )
        return EventHubConsumerClient(self.host, self.hub, group, _credential(), **options)

    def _options(self) -> dict[str, Any]:
        from azure.eventhub import TransportType

        over_web = self.transport == "websocket"
        kind = TransportType.AmqpOverWebsocket if over_web else TransportType.Amqp
        options: dict[str, Any] = {"transport_type": kind, "keep_alive": _KEEP_ALIVE_SECONDS}
        if self.endpoint is not None:
            options["custom_endpoint_address"] = self.endpoint
        return options


@functools.cache
def _credential() -> Any:  # noqa: ANN401 - any of the SDK's credentials
    """One a process: each keeps tokens and connections of its own."""
    from azure.identity.aio import DefaultAzureCredential

    return DefaultAzureCredential()
