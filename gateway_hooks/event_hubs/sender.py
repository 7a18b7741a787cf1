"""Sends one message at a time to a hub, within a time limit that really holds.

Of the SDK's clients only the asyncio one can be left when it is stuck: the others wait for ever on
an acknowledgement that does not come, whatever time-outs they are given. So each call is bounded by
`asyncio.wait_for`, and a client that has failed is thrown away and made anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final, Protocol

from gateway_hooks.event_hubs.failures import SendFailed, Trouble, classify

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway_hooks.event_hubs.pack import Message

SEND_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 2.0
_ENVELOPE_BYTES: Final = 2048
"""Room for a message's headers and its partition key, which stands in it twice."""


class Producer(Protocol):
    """What is used of the SDK's `EventHubProducerClient`."""

    async def create_batch(self) -> Any:  # noqa: ANN401 - the SDK's EventDataBatch
        """Something with `max_size_in_bytes`, after the connection was made."""

    async def send_batch(self, event_data_batch: list[Any], *, partition_key: str) -> None:
        """Send, and wait for the acknowledgement."""

    async def close(self) -> None:
        """Disconnect."""


class HubSender:
    """One connection to a hub; for one task."""

    def __init__(
        self, connect: Callable[[], Producer], *, timeout_seconds: float = SEND_SECONDS
    ) -> None:
        self._connect = connect
        self._timeout_seconds = timeout_seconds
        self._producer: Producer | None = None
        self._max_bytes: int | None = None

    async def max_bytes(self) -> int:
        """The longest body that the hub takes; asked once.

        Raises:
            SendFailed: the hub cannot be asked.
        """
        if self._max_bytes is None:
            batch = await self._call(lambda producer: producer.create_batch())
            self._max_bytes = int(batch.max_size_in_bytes) - _ENVELOPE_BYTES
        return self._max_bytes

    async def send(self, message: Message) -> None:
        """Send one message; when this returns the hub has stored it.

        Raises:
            SendFailed: that is not known; send the same message again.
        """
        from azure.eventhub import EventData

        event = EventData(message.body)
        event.content_type = "application/x-ndjson"
        await self._call(
            lambda producer: producer.send_batch([event], partition_key=message.partition_key)
        )

    async def close(self) -> None:
        """Disconnect. May be called twice."""
        producer, self._producer = self._producer, None
        if producer is not None:
            # A client that is stuck is also stuck in closing.
            with contextlib.suppress(Exception):
                await asyncio.wait_for(producer.close(), _CLOSE_SECONDS)

    async def _call(self, action: Callable[[Producer], Any]) -> Any:  # noqa: ANN401 - the SDK's own
        try:
            if self._producer is None:
                self._producer = self._connect()
            return await asyncio.wait_for(action(self._producer), self._timeout_seconds)
        except Exception as error:  # noqa: BLE001 - the SDK raises what its layers raise
            trouble = classify(error)
            if trouble is not Trouble.OVERSIZE:
                await self.close()
            raise SendFailed(trouble, _words(error)) from None


def _words(error: Exception) -> str:
    """The error's class and first line. The SDK quotes addresses and conditions, never a body."""
    first = str(error).partition("\n")[0][:200]
    return f"{type(error).__name__}: {first}".rstrip(": ")
