"""The receiving end of a link: what producers send to, and requests too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from gatemeter.emulator.errors import DECODE_ERROR, MESSAGE_SIZE_EXCEEDED, Refusal, WireError
from gatemeter.emulator.performatives import Disposition, Flow, Transfer, rejected
from gatemeter.emulator.wire_types import Described, UInt

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatemeter.emulator.wire import Wire

PRODUCER_CREDIT: Final = 1_000
_UINT32_MASK: Final = 0xFFFFFFFF


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
                f"The received message (delivery-id:{first.delivery_id}, size:{size} bytes) "
                f"exceeds the limit ({self._max_message_bytes} bytes) allowed on the link."
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
