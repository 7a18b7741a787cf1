"""What a link's address names: a hub, one of its partitions, or one in a consumer group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from gatemeter.emulator.errors import NOT_FOUND, Refusal

CBS: Final = "$cbs"
MANAGEMENT: Final = "$management"
_PARTITION_PARTS = 3
_READER_PARTS = 5


@dataclass(frozen=True, slots=True)
class Address:
    """An entity; what is None was not named."""

    hub: str
    consumer_group: str | None = None
    partition: str | None = None


def path_of(url: str) -> str:
    """The path of an address with or without scheme and host, without outer slashes."""
    if "://" in url:
        url = url.split("://", 1)[1].partition("/")[2]
    return unquote(url).strip("/")


def parse_address(path: str) -> Address:
    """Read `hub`, `hub/Partitions/0` or `hub/ConsumerGroups/name/Partitions/0`.

    Raises:
        Refusal: it has another form.
    """
    parts = path.split("/")
    words = [part.lower() for part in parts]
    if len(parts) == 1 and parts[0]:
        return Address(parts[0])
    if len(parts) == _PARTITION_PARTS and words[1] == "partitions":
        return Address(parts[0], partition=parts[2])
    if len(parts) == _READER_PARTS and words[1::2] == ["consumergroups", "partitions"]:
        return Address(parts[0], parts[2], parts[4])
    raise Refusal(NOT_FOUND, f"The messaging entity '{path}' could not be found.")
