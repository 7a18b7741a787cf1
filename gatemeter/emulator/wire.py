"""What the end of a link needs of its session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gatemeter.emulator.performatives import Disposition, Flow


class Wire(Protocol):
    """What a link needs of its session; all of it is called in the event loop's thread."""

    @property
    def can_send(self) -> bool:
        """Whether the peer and the operating system will take another transfer now."""

    def send_flow(self, flow: Flow) -> None:
        """Send a flow with the session's windows filled in."""

    def send_disposition(self, disposition: Disposition) -> None:
        """Say what became of a delivery."""

    def send_message(self, handle: int, parts: tuple[bytes, ...]) -> None:
        """Send a message, settled, in as many frames as it needs."""

    def flush(self) -> None:
        """Hand what was sent to the operating system."""

    def detach(self, handle: int, condition: str, description: str) -> None:
        """End a link of this session with an error."""

    def abort(self) -> None:
        """Cut the whole connection off."""
