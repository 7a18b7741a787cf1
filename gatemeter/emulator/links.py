"""The ends of links in this process: what producers, readers and requests are attached to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from gatemeter.emulator.errors import (
    DECODE_ERROR,
    MESSAGE_SIZE_EXCEEDED,
    Refusal,
    WireError,
)
from gatemeter.emulator.performatives import Disposition, Flow, Transfer, rejected
from gatemeter.emulator.wire_types import Described, UInt

if TYPE_CHECKING:
    from collections.abc import Callable

PRODUCER_CREDIT: Final = 1_000
_UINT32_MASK: Final = 0xFFFFFFFF


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


class Acknowledge(Protocol):
    """Gives a send its outcome; None keeps silent."""

    def __call__(self, outcome: Described | None) -> None:
        """Settle the delivery."""


class InboundLink:
    """The receiving end: puts frames together and hands whole messages on.

    Args:
        wire: the session.
        handle: of the link.
        max_message_bytes: larger messages are rejected, and not kept while they arrive.
        take: gets payload, message format and how to acknowledge.
    """

    def __init__(
        self,
        wire: Wire,
        handle: int,
        max_message_bytes: int,
        take: Callable[[bytes, int, Acknowledge], None],
    ) -> None:
        self._wire = wire
        self._handle = handle
        self._max_message_bytes = max_message_bytes
        self._take = take
        self._first: Transfer | None = None
        self._chunks: list[bytes | memoryview] = []
        self._arrived_bytes = 0
        self._delivery_count = 0
        self._credit = 0

    def start(self, initial_delivery_count: int) -> None:
        """Give the peer its first credit."""
        self._delivery_count = initial_delivery_count
        self._top_up()

    def on_transfer(self, transfer: Transfer, payload: memoryview) -> None:
        """Take one frame of a delivery."""
        if self._first is None:
            self._first = transfer
        if transfer.aborted:
            self._forget()
            return
        self._arrived_bytes += len(payload)
        if self._arrived_bytes <= self._max_message_bytes:
            self._chunks.append(payload)
        else:
            self._chunks.clear()
        if not transfer.more:
            self._complete(self._first)

    def on_flow(self, flow: Flow) -> None:
        """Answer a peer that wants to know its credit."""
        if flow.echo:
            self._send_credit()

    def on_room(self) -> None:
        """Nothing is sent from here."""

    def close(self) -> None:
        """Nothing to undo."""

    def _complete(self, first: Transfer) -> None:
        size = self._arrived_bytes
        payload = b"".join(self._chunks)
        self._forget()
        self._delivery_count = (self._delivery_count + 1) & _UINT32_MASK
        self._credit -= 1

        def acknowledge(outcome: Described | None) -> None:
            if outcome is not None and not first.settled:
                delivery = first.delivery_id
                self._wire.send_disposition(
                    Disposition(True, delivery, delivery, True, outcome)  # noqa: FBT003 - AMQP's fields
                )

        if size > self._max_message_bytes:
            text = (
                f"The received message (delivery-id:{first.delivery_id}, size:{size} bytes) exceeds "
                f"the limit ({self._max_message_bytes} bytes) currently allowed on the link."
            )
            acknowledge(rejected(MESSAGE_SIZE_EXCEEDED, text))
        else:
            self._hand_on(payload, first.message_format or 0, acknowledge)
        if self._credit <= PRODUCER_CREDIT // 2:
            self._top_up()

    def _hand_on(self, payload: bytes, message_format: int, acknowledge: Acknowledge) -> None:
        try:
            self._take(payload, message_format, acknowledge)
        except WireError as error:
            acknowledge(rejected(DECODE_ERROR, str(error)))
        except Refusal as refusal:
            acknowledge(rejected(refusal.condition, refusal.description))

    def _forget(self) -> None:
        self._first = None
        self._chunks = []
        self._arrived_bytes = 0

    def _top_up(self) -> None:
        self._credit = PRODUCER_CREDIT
        self._send_credit()

    def _send_credit(self) -> None:
        self._wire.send_flow(
            Flow(
                handle=UInt(self._handle),
                delivery_count=UInt(self._delivery_count),
                link_credit=UInt(self._credit),
            )
        )


class OutboundLink:
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
    def is_idle(self) -> bool:
        """Whether there is nothing left to send."""
        raise NotImplementedError

    def pump(self) -> None:
        """Send as much as credit and windows allow."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what the link holds."""
        raise NotImplementedError

    @property
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
        while self._waiting and self._may_send:
            self._send(self._waiting.pop(0))
        self._wire.flush()

    def close(self) -> None:
        """Forget the answers nobody will read."""
        self._waiting.clear()
