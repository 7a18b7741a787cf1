"""The hubs: which exist, and where a message goes."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from typing import TYPE_CHECKING

from gatemeter.emulator.errors import DECODE_ERROR, NOT_FOUND, EmulatorError, Refusal, WireError
from gatemeter.emulator.log_files import LogFiles
from gatemeter.emulator.partition import Partition
from gatemeter.emulator.partition_keys import partition_of
from gatemeter.emulator.readers import Readers
from gatemeter.emulator.sections import messages_of
from gatemeter.emulator.stored_message import PARTITION_KEY, IncomingMessage

if TYPE_CHECKING:
    from pathlib import Path

    from gatemeter.emulator.addresses import Address
    from gatemeter.emulator.settings import EmulatorSettings, HubSettings


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Hub:
    """One event hub with its partitions and consumer groups."""

    def __init__(self, settings: HubSettings, retention_bytes: int, folder: Path | None) -> None:
        self.name = settings.name
        self.created_ms = now_ms()
        self.consumer_groups = {name.lower() for name in settings.consumer_groups}
        self.partitions = [
            Partition(
                str(number), retention_bytes, LogFiles(folder / str(number)) if folder else None
            )
            for number in range(settings.partitions)
        ]
        self._turn = itertools.count()
        self._readers: defaultdict[tuple[str, str], Readers] = defaultdict(Readers)

    def partition(self, identifier: str) -> Partition:
        """A partition by its id.

        Raises:
            Refusal: there is none.
        """
        if identifier.isdecimal() and int(identifier) < len(self.partitions):
            return self.partitions[int(identifier)]
        last = len(self.partitions) - 1
        raise Refusal(
            NOT_FOUND, f"partition '{identifier}' is not one of 0 to {last} of '{self.name}'"
        )

    def readers(self, consumer_group: str, partition: Partition) -> Readers:
        """Who reads a partition in a consumer group.

        Raises:
            Refusal: there is no such group.
        """
        if consumer_group.lower() not in self.consumer_groups:
            raise Refusal(NOT_FOUND, f"'{self.name}' has no consumer group '{consumer_group}'")
        return self._readers[consumer_group.lower(), partition.identifier]

    def publish(self, payload: bytes, message_format: int, partition_id: str | None) -> None:
        """Store a message or a batch: in the partition named, by its key, or in turn.

        Raises:
            Refusal: the payload is no message, or the partition does not exist.
            OSError: it could not be written.
        """
        try:
            raw, envelope = messages_of(payload, message_format)
            incoming = [IncomingMessage.parse(one) for one in raw]
        except (WireError, LookupError) as error:
            raise Refusal(DECODE_ERROR, f"the message cannot be read: {error}") from error
        if not incoming:
            raise Refusal(DECODE_ERROR, "the batch holds no message")
        key = envelope.get(PARTITION_KEY) or incoming[0].partition_key
        if partition_id is not None:
            partition = self.partition(partition_id)
        elif key:
            partition = self.partitions[partition_of(str(key), len(self.partitions))]
        else:
            partition = self.partitions[next(self._turn) % len(self.partitions)]
        partition.append(incoming, now_ms())


class Broker:
    """All hubs of one namespace."""

    def __init__(self, settings: EmulatorSettings) -> None:
        self._hubs: dict[str, Hub] = {}
        for one in settings.hubs:
            folder = settings.folder / one.name if settings.folder else None
            _same_partitions(one, folder)
            self._hubs[one.name.lower()] = Hub(one, settings.retention_bytes, folder)

    def hub(self, name: str) -> Hub:
        """A hub by its name, whatever its case.

        Raises:
            Refusal: there is none.
        """
        try:
            return self._hubs[name.lower()]
        except KeyError:
            text = f"The messaging entity '{name}' could not be found."
            raise Refusal(NOT_FOUND, text) from None

    def partition(self, address: Address) -> tuple[Hub, Partition]:
        """The hub and partition that a reader's address names.

        Raises:
            Refusal: there is no such thing.
        """
        hub = self.hub(address.hub)
        if address.partition is None:
            raise Refusal(NOT_FOUND, f"'{address.hub}' can only be read by partition")
        return hub, hub.partition(address.partition)

    def close(self) -> None:
        """Let the files go."""
        for hub in self._hubs.values():
            for partition in hub.partitions:
                partition.close()


def _same_partitions(hub: HubSettings, folder: Path | None) -> None:
    """Refuse to open a hub with fewer partitions than its folder has."""
    held = sum(1 for path in folder.iterdir() if path.is_dir()) if folder and folder.exists() else 0
    if held > hub.partitions:
        raise EmulatorError(
            f"{folder} holds {held} partitions: start '{hub.name}' with at least so many"
        )
