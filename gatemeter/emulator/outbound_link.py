"""The sending end of a link, and the one of them that answers requests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from gatemeter.emulator.errors import WireError
from gatemeter.emulator.performatives import Flow, Transfer
from gatemeter.emulator.wire_types import UInt

if TYPE_CHECKING:
    from gatemeter.emulator.wire import Wire

_UINT32_MASK: Final = 0xFFFFFFFF


class OutboundLink(ABC):
    """The sending end: a subclass says what to send, credit says how much of it.

    Args:
        wire: the session.
        handle: of the link.
    """

    def __init__(self, wire: Wire, handle: int) -> None:
        self._wire = wire
        self._handle = handle
        self._delivery_count = 0
        self._credit = 0

    def on_flow(self, flow: Flow) -> None:
        """Take the peer's credit; a peer that drains gets what there is and its credit back."""
        if flow.link_credit is not None:
            seen = flow.delivery_count if flow.delivery_count is not None else 0
            self._credit = (seen + flow.link_credit - self._delivery_count) & _UINT32_MASK
            if self._credit > _UINT32_MASK // 2:  # the peer has not seen all that was sent
                self._credit = 0
        self.pump()
        if flow.drain and self._credit and self.is_idle:
            self._delivery_count = (self._delivery_count + self._credit) & _UINT32_MASK
            self._credit = 0
        if flow.echo or flow.drain:
            self._wire.send_flow(
                Flow(
                    handle=UInt(self._handle),
                    delivery_count=UInt(self._delivery_count),
                    link_credit=UInt(self._credit),
                    drain=flow.drain,
                )
            )

    def on_transfer(self, _transfer: Transfer, _payload: memoryview) -> None:
        """Nobody may send here.

        Raises:
            WireError: always.
        """
        raise WireError("a transfer on a link that only sends")

    def on_room(self) -> None:
        """Go on sending."""
        self.pump()

    @property
    @abstractmethod
    def is_idle(self) -> bool:
        """Whether there is nothing left to send."""

    @abstractmethod
    def pump(self) -> None:
        """Send as much as credit and windows allow."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what the link holds."""

    def _may_send(self) -> bool:
        return self._credit > 0 and self._wire.can_send

    def _send(self, *parts: bytes) -> None:
        self._credit -= 1
        self._delivery_count = (self._delivery_count + 1) & _UINT32_MASK
        self._wire.send_message(self._handle, parts)


class AnswerLink(OutboundLink):
    """Where answers of `$cbs` and `$management` leave."""

    def __init__(self, wire: Wire, handle: int) -> None:
        super().__init__(wire, handle)
        self._waiting: list[bytes] = []

    def send(self, message: bytes) -> None:
        """Send an answer, as soon as there is credit for it."""
        self._waiting.append(message)
        self.pump()

    @property
    def is_idle(self) -> bool:
        """Whether every answer has left."""
        return not self._waiting

    def pump(self) -> None:
        """Send the answers that wait."""
        while self._waiting and self._may_send():
            self._send(self._waiting.pop(0))
        self._wire.flush()

    def close(self) -> None:
        """Forget the answers nobody will read."""
        self._waiting.clear()
