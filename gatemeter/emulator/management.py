"""`$management`: what a hub and its partitions are like at this moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gatemeter.emulator.encode import array_of
from gatemeter.emulator.errors import Refusal
from gatemeter.emulator.request_answer import (
    BAD_REQUEST,
    NOT_FOUND_STATUS,
    OK,
    UNAUTHORIZED_STATUS,
    Answer,
    Request,
)
from gatemeter.emulator.wire_types import Timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatemeter.emulator.broker import Broker, Hub
    from gatemeter.emulator.partition import Partition

HUB_TYPE: Final = "com.microsoft:eventhub"
PARTITION_TYPE: Final = "com.microsoft:partition"
# What Event Hubs says of an empty partition: .NET's smallest date.
_NEVER_MS = -62_135_596_800_000


def read(request: Request, broker: Broker, may_use: Callable[[str], bool]) -> Answer:
    """Answer one READ request for a hub or one of its partitions."""
    name, kind = request.text("name"), request.text("type")
    if request.text("operation") != "READ" or kind not in {HUB_TYPE, PARTITION_TYPE}:
        return Answer(BAD_REQUEST, "$management reads hubs and partitions, nothing else")
    if not may_use(name):
        return Answer(UNAUTHORIZED_STATUS, f"Unauthorized access to '{name}': put a token first.")
    try:
        hub = broker.hub(name)
        if kind == HUB_TYPE:
            return Answer(OK, "OK", _hub(hub))
        return Answer(OK, "OK", _partition(hub, hub.partition(request.text("partition"))))
    except Refusal as refusal:
        return Answer(NOT_FOUND_STATUS, refusal.description)


def _hub(hub: Hub) -> dict[str, Any]:
    return {
        "name": hub.name,
        "type": HUB_TYPE,
        "created_at": Timestamp(hub.created_ms),
        "partition_count": len(hub.partitions),
        "partition_ids": array_of([partition.identifier for partition in hub.partitions]),
    }


def _partition(hub: Hub, partition: Partition) -> dict[str, Any]:
    last = partition.last
    return {
        "name": hub.name,
        "type": PARTITION_TYPE,
        "partition": partition.identifier,
        "begin_sequence_number": partition.first_sequence,
        "last_enqueued_sequence_number": partition.next_sequence - 1,
        "last_enqueued_offset": last.offset if last else "-1",
        "last_enqueued_time_utc": Timestamp(last.enqueued_ms if last else _NEVER_MS),
        "is_partition_empty": last is None,
    }
