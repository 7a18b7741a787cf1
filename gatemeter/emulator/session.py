"""A session: windows, and the frames of its links to the right ends."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from gatemeter.emulator.errors import Refusal, WireError
from gatemeter.emulator.frames import TRANSFER_OVERHEAD_BYTES, transfer_head
from gatemeter.emulator.performatives import (
    Attach,
    Begin,
    Detach,
    Disposition,
    Flow,
    Performative,
    Transfer,
    error_of,
)
from gatemeter.emulator.wire_types import Described, UInt, ULong, UShort

if TYPE_CHECKING:
    from gatemeter.emulator.attaching import Attacher, Link

_LOG = logging.getLogger(__name__)
_WINDOW: Final = 65_536
_UINT32_MASK: Final = 0xFFFFFFFF
_SOURCE: Final = 0x28
_SOURCE_FIELDS: Final = 11
_TARGET: Final = 0x29
_TARGET_FIELDS: Final = 7


class Outlet(Protocol):
    """What a session needs of its connection; called in the event loop's thread."""

    @property
    def is_writable(self) -> bool:
        """Whether the operating system will take more."""

    @property
    def peer_max_frame_bytes(self) -> int:
        """The largest frame the peer takes."""

    def send(self, performative: Performative, channel: int) -> None:
        """Send a frame with the next flush."""

    def send_raw(self, *parts: bytes | memoryview) -> None:
        """Send the parts of a finished frame with the next flush."""

    def flush(self) -> None:
        """Hand what was sent to the operating system."""

    def abort(self) -> None:
        """Cut the connection off."""


class Session:
    """One session on one channel.

    Args:
        outlet: the connection.
        channel: used in both directions.
        begin: what the peer said.
        attacher: makes the ends of links.
        max_message_bytes: told to producers.
    """

    def __init__(
        self, outlet: Outlet, channel: int, begin: Begin, attacher: Attacher, max_message_bytes: int
    ) -> None:
        self._outlet = outlet
        self._channel = channel
        self._attacher = attacher
        self._max_message_bytes = max_message_bytes
        self._links: dict[int, Link] = {}
        self._next_incoming_id = int(begin.next_outgoing_id or 0)
        self._frames_since_flow = 0
        self._next_outgoing_id = 0
        self._peer_window = int(begin.incoming_window or 0)
        self._delivery_id = 0
        self._held_back: deque[tuple[int, tuple[bytes | memoryview, ...]]] = deque()
        outlet.send(
            Begin(
                UShort(channel),
                UInt(0),
                UInt(_WINDOW),
                UInt(_WINDOW),
                begin.handle_max or UInt(255),
            ),
            channel,
        )

    @property
    def can_send(self) -> bool:
        """Whether another message may leave."""
        return not self._held_back and self._peer_window > 0 and self._outlet.is_writable

    def on_attach(self, attach: Attach) -> None:
        """Start a link, or refuse it: an attach and at once a detach that says why.

        Raises:
            WireError: the handle is in use.
        """
        handle = int(attach.handle or 0)
        if handle in self._links:
            raise WireError(f"the handle {handle} is in use")
        try:
            link = self._attacher.link_for(attach, self)
        except Refusal as refusal:
            _LOG.info("link refused: %s", refusal.description)
            self._outlet.send(self._answer_to(attach), self._channel)
            self.detach(handle, refusal.condition, refusal.description)
            return
        self._links[handle] = link
        self._outlet.send(self._answer_to(attach), self._channel)
        self._attacher.started(link, attach)

    def on_flow(self, flow: Flow) -> None:
        """Take new windows, and the credit of a link."""
        if flow.incoming_window is not None:
            seen = flow.next_incoming_id
            ahead = 0 if seen is None else (self._next_outgoing_id - seen) & _UINT32_MASK
            self._peer_window = flow.incoming_window - ahead
        self._let_go()
        if flow.handle is None:
            self.pump()
            if flow.echo:
                self.send_flow(Flow())
        elif (link := self._links.get(int(flow.handle))) is not None:
            link.on_flow(flow)

    def on_transfer(self, transfer: Transfer, payload: memoryview) -> None:
        """Take a frame of a message; frames of a link that was just ended are dropped."""
        self._next_incoming_id = (self._next_incoming_id + 1) & _UINT32_MASK
        self._frames_since_flow += 1
        link = self._links.get(int(transfer.handle or 0))
        if link is not None:
            link.on_transfer(transfer, payload)
        if self._frames_since_flow >= _WINDOW // 2:
            self.send_flow(Flow())

    def on_detach(self, detach: Detach) -> None:
        """End a link; the answer to a detach of our own needs none."""
        link = self._links.pop(int(detach.handle or 0), None)
        if link is not None:
            link.close()
            self._outlet.send(Detach(detach.handle, detach.closed, None), self._channel)

    def pump(self) -> None:
        """Go on sending where windows or the operating system had said stop."""
        self._let_go()
        for link in tuple(self._links.values()):
            link.on_room()

    def close(self) -> None:
        """End every link."""
        links, self._links = self._links, {}
        for link in links.values():
            link.close()

    def send_flow(self, flow: Flow) -> None:
        """Send a flow with this session's windows."""
        self._frames_since_flow = 0
        whole = replace(
            flow,
            next_incoming_id=UInt(self._next_incoming_id),
            incoming_window=UInt(_WINDOW),
            next_outgoing_id=UInt(self._next_outgoing_id),
            outgoing_window=UInt(_WINDOW),
        )
        self._outlet.send(whole, self._channel)
        self._outlet.flush()

    def send_disposition(self, disposition: Disposition) -> None:
        """Say what became of a delivery."""
        self._outlet.send(disposition, self._channel)
        self._outlet.flush()

    def send_message(self, handle: int, parts: tuple[bytes, ...]) -> None:
        """Send a message, settled, in as many frames as it needs."""
        delivery_id = self._delivery_id
        self._delivery_id = (delivery_id + 1) & _UINT32_MASK
        size = sum(map(len, parts))
        room = self._outlet.peer_max_frame_bytes - TRANSFER_OVERHEAD_BYTES
        if size <= room:
            head = transfer_head(self._channel, handle, delivery_id, size, more=False)
            self._held_back.append((handle, (head, *parts)))
        else:
            whole = memoryview(b"".join(parts))
            for start in range(0, size, room):
                chunk = whole[start : start + room]
                more = start + room < size
                head = transfer_head(self._channel, handle, delivery_id, len(chunk), more=more)
                self._held_back.append((handle, (head, chunk)))
        self._let_go()

    def detach(self, handle: int, condition: str, description: str) -> None:
        """End a link with an error."""
        link = self._links.pop(handle, None)
        if link is not None:
            link.close()
        error = error_of(condition, description)
        self._outlet.send(Detach(UInt(handle), True, error), self._channel)  # noqa: FBT003 - AMQP's field
        self._outlet.flush()

    def flush(self) -> None:
        """Hand what was sent to the operating system."""
        self._outlet.flush()

    def abort(self) -> None:
        """Cut the connection off."""
        self._outlet.abort()

    def _let_go(self) -> None:
        """Send frames of messages that did not fit the peer's window."""
        while self._held_back and self._peer_window > 0:
            handle, parts = self._held_back.popleft()
            if handle not in self._links:
                continue
            self._outlet.send_raw(*parts)
            self._next_outgoing_id = (self._next_outgoing_id + 1) & _UINT32_MASK
            self._peer_window -= 1

    def _answer_to(self, attach: Attach) -> Attach:
        """The other half of an attach. The SDK takes a link without source or target for none."""
        return Attach(
            name=attach.name,
            handle=attach.handle,
            role=not attach.role,
            snd_settle_mode=attach.snd_settle_mode,
            rcv_settle_mode=attach.rcv_settle_mode,
            source=_filled(attach.source, _SOURCE, _SOURCE_FIELDS),
            target=_filled(attach.target, _TARGET, _TARGET_FIELDS),
            initial_delivery_count=UInt(0) if attach.role else None,
            max_message_size=ULong(self._max_message_bytes),
            offered_capabilities=self._attacher.offered(attach),
        )


def _filled(terminus: Described | None, descriptor: int, fields: int) -> Described:
    """A source or target with all its fields."""
    given = terminus.value if terminus is not None and isinstance(terminus.value, list) else []
    return Described(ULong(descriptor), (given + [None] * fields)[:fields])
