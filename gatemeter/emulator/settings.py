"""What an emulator is told at its start."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gatemeter.emulator.errors import EmulatorError

if TYPE_CHECKING:
    from pathlib import Path

MEBIBYTE: Final = 1024 * 1024
# Like Azurite's, a key that everybody may know: it guards made-up data on the loopback interface,
# and being the same at every start keeps connection strings valid over a restart.
DEVELOPMENT_KEY_NAME: Final = "RootManageSharedAccessKey"
DEVELOPMENT_KEY: Final = "Z2F0ZW1ldGVyLWVtdWxhdG9yLWRldmVsb3BtZW50LWtleQ=="
DEFAULT_GROUP: Final = "$Default"
_MAX_PARTITIONS: Final = 1024
MIN_FRAME_BYTES: Final = 512
_HUB_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")


@dataclass(frozen=True, slots=True)
class HubSettings:
    """One hub.

    Raises:
        EmulatorError: a name or number cannot be used.
    """

    name: str = "usage"
    partitions: int = 4
    consumer_groups: tuple[str, ...] = (DEFAULT_GROUP,)

    def __post_init__(self) -> None:
        if not _HUB_NAME.match(self.name):
            raise EmulatorError(
                f"a hub's name has letters, digits, '.', '-' and '_', not {self.name!r}"
            )
        if not 1 <= self.partitions <= _MAX_PARTITIONS:
            raise EmulatorError(f"a hub has 1 to {_MAX_PARTITIONS} partitions")


@dataclass(frozen=True, slots=True)
class EmulatorSettings:
    """One namespace.

    Args:
        hubs: at least one.
        host: where to listen.
        port: 0 takes a free one.
        key_name: of the shared access policy.
        key: of the shared access policy.
        accept_jwt: also let in whoever brings any Entra token; its signature is not checked.
        max_message_bytes: of a send, a whole batch included; the links say so.
        max_frame_bytes: frames larger than this are not accepted.
        idle_timeout_seconds: a connection that is silent for longer is closed.
        retention_bytes: of each partition; the oldest messages go first.
        folder: keep messages there too, and find them there again.
        certificate: PEM file; with it the port speaks TLS.
        private_key: PEM file of the certificate's key, when it is not in the same file.

    Raises:
        EmulatorError: the settings contradict each other.
    """

    hubs: tuple[HubSettings, ...] = (HubSettings(),)
    host: str = "127.0.0.1"
    port: int = 0
    key_name: str = DEVELOPMENT_KEY_NAME
    key: str = DEVELOPMENT_KEY
    accept_jwt: bool = False
    max_message_bytes: int = MEBIBYTE
    max_frame_bytes: int = 65_536
    idle_timeout_seconds: float = 240.0
    retention_bytes: int = 256 * MEBIBYTE
    folder: Path | None = None
    certificate: Path | None = None
    private_key: Path | None = None

    def __post_init__(self) -> None:
        names = [hub.name.lower() for hub in self.hubs]
        if not names or len(set(names)) < len(names):
            raise EmulatorError("an emulator needs at least one hub, each with its own name")
        if self.max_frame_bytes < MIN_FRAME_BYTES:
            raise EmulatorError(f"max_frame_bytes is at least {MIN_FRAME_BYTES}")
        if self.private_key and not self.certificate:
            raise EmulatorError("a private key needs its certificate")
