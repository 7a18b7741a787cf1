"""The link of a consumer: sends a partition's messages from its start position on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gatemeter.emulator.broker import now_ms
from gatemeter.emulator.outbound_link import OutboundLink
from gatemeter.emulator.sections import DELIVERY_ANNOTATIONS, encode_section
from gatemeter.emulator.wire_types import Symbol, Timestamp

if TYPE_CHECKING:
    from gatemeter.emulator.partition import Partition
    from gatemeter.emulator.readers import Readers
    from gatemeter.emulator.wire import Wire

_AT_ONCE: Final = 100


class ReaderLink(OutboundLink):
    """Delivers settled: the SDK never acknowledges what it streams.

    Args:
        wire: the session.
        handle: of the link.
        partition: to read.
        readers: who else reads it.
        start: the first sequence number wanted.
        owner_level: the epoch, if any.
        with_metrics: tell with every event what the newest one is.
    """

    def __init__(
        self,
        wire: Wire,
        handle: int,
        partition: Partition,
        readers: Readers,
        *,
        start: int,
        owner_level: int | None,
        with_metrics: bool,
    ) -> None:
        super().__init__(wire, handle)
        self._partition = partition
        self._readers = readers
        self._next = start
        self._owner_level = owner_level
        self._with_metrics = with_metrics
        partition.on_append.add(self.pump)

    @property
    def owner_level(self) -> int | None:
        """The epoch, None for a shared reader."""
        return self._owner_level

    @property
    def is_idle(self) -> bool:
        """Whether everything there is was sent."""
        oldest = self._partition.first_sequence
        return max(self._next, oldest) >= self._partition.next_sequence

    def pump(self) -> None:
        """Send what is there; messages that were trimmed away are a gap."""
        while self._may_send() and not self.is_idle:
            for message in self._partition.since(self._next, min(self._credit, _AT_ONCE)):
                if not self._may_send():
                    break
                self._next = message.sequence_number + 1
                self._send(message.header, self._metrics(), message.annotations, message.bare)
        self._wire.flush()

    def disconnect(self, condition: str, description: str) -> None:
        """End the link: another reader has the partition now."""
        self._wire.detach(self._handle, condition, description)

    def close(self) -> None:
        """Stop listening for new messages."""
        self._partition.on_append.discard(self.pump)
        self._readers.leave(self)

    def _metrics(self) -> bytes:
        last = self._partition.last
        if not self._with_metrics or last is None:
            return b""
        annotations: dict[Any, Any] = {
            Symbol("last_enqueued_sequence_number"): last.sequence_number,
            Symbol("last_enqueued_offset"): last.offset,
            Symbol("last_enqueued_time_utc"): Timestamp(last.enqueued_ms),
            Symbol("runtime_info_retrieval_time_utc"): Timestamp(now_ms()),
        }
        return encode_section(DELIVERY_ANNOTATIONS, annotations)
