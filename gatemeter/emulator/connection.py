"""One connection: protocol headers, SASL, open and close, heartbeats, and the sessions."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from gatemeter.emulator import sasl
from gatemeter.emulator.decode import decode
from gatemeter.emulator.errors import DECODE_ERROR, FORCED, WireError
from gatemeter.emulator.frames import (
    AMQP_HEADER,
    EMPTY_FRAME,
    SASL_HEADER,
    SASL_TYPE,
    Frame,
    FrameReader,
    frame_of,
)
from gatemeter.emulator.heartbeat import Heartbeat
from gatemeter.emulator.performatives import (
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Flow,
    Open,
    Performative,
    Transfer,
    error_of,
    performative_of,
)
from gatemeter.emulator.session import Session
from gatemeter.emulator.settings import MIN_FRAME_BYTES
from gatemeter.emulator.transports import Transport
from gatemeter.emulator.wire_types import Symbol, UInt, UShort

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatemeter.emulator.attaching import Attacher
    from gatemeter.emulator.settings import EmulatorSettings

_LOG = logging.getLogger(__name__)
_FLUSH_BYTES: Final = 256 * 1024
_MAX_CHANNELS: Final = 5_000
_DEFAULT_PEER_FRAME_BYTES: Final = 65_536


class Connection(asyncio.Protocol):
    """The protocol of one connection, on a socket or inside a WebSocket.

    Args:
        settings: sizes and timeouts.
        new_attacher: makes what knows this connection's rights.
        on_change: called with the connection when it starts and when it is gone.
        paused: say nothing from the start.
    """

    def __init__(
        self,
        settings: EmulatorSettings,
        new_attacher: Callable[[], Attacher],
        on_change: Callable[[Connection], None],
        *,
        paused: bool,
    ) -> None:
        self._settings = settings
        self._attacher = new_attacher()
        self._on_change = on_change
        self._paused = paused
        self._reader = FrameReader(settings.max_frame_bytes)
        self._transport = Transport()
        self._sessions: dict[int, Session] = {}
        self._out: list[bytes | memoryview] = []
        self._out_bytes = 0
        self._heartbeat: Heartbeat | None = None
        self._is_open = False
        self.gone = asyncio.Event()
        self.peer_max_frame_bytes = _DEFAULT_PEER_FRAME_BYTES

    @property
    def is_writable(self) -> bool:
        """Whether the operating system will take more, and nobody asked for silence."""
        return self._transport.is_writable and not self._paused

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, silently if that was asked for."""
        self._transport.start(transport)
        allowed = self._settings.idle_timeout_seconds
        self._heartbeat = Heartbeat(allowed, self._on_silence, self._say_something)
        if self._paused:
            self._transport.pause_reading()
        self._on_change(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Let go of everything."""
        self.gone.set()
        if self._heartbeat is not None:
            self._heartbeat.stop()
        self._end_sessions()
        self._on_change(self)

    def data_received(self, data: bytes) -> None:
        """Take what arrived; a peer that breaks the protocol is told and cut off."""
        self._heard()
        try:
            self._reader.feed(self._transport.unwrap(data))
            while self._take_one():
                pass
        except WireError as error:
            _LOG.info("a connection is closed: %s", error)
            self._close(DECODE_ERROR, str(error))
        self.flush()

    def pause_writing(self) -> None:
        """The operating system has enough for now."""
        self._transport.is_writable = False

    def resume_writing(self) -> None:
        """Go on sending."""
        self._transport.is_writable = True
        self._pump()

    def pause(self) -> None:
        """Read nothing and say nothing from now on."""
        self._paused = True
        self._transport.pause_reading()

    def resume(self) -> None:
        """End `pause`."""
        self._paused = False
        self._heard()
        self._transport.resume_reading()
        self._pump()

    def abort(self) -> None:
        """Cut off without a word; what was not sent yet is lost."""
        self._out.clear()
        self._out_bytes = 0
        self._end_sessions()
        self._transport.abort()

    def send(self, performative: Performative, channel: int) -> None:
        """Send a frame with the next flush."""
        self.send_raw(frame_of(performative.encode(), channel))

    def send_raw(self, *parts: bytes | memoryview) -> None:
        """Send the parts of a finished frame with the next flush."""
        self._out += parts
        self._out_bytes += sum(map(len, parts))
        if self._out_bytes >= _FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand what was sent to the operating system, unless silence was asked for."""
        if self._out and not self._paused:
            data = b"".join(self._out)
            self._out.clear()
            self._out_bytes = 0
            if self._heartbeat is not None:
                self._heartbeat.said()
            self._transport.write(data)

    def _take_one(self) -> bool:
        """Deal with the next header or frame; False when nothing whole is there."""
        if self._transport.is_closing:
            return False
        if self._reader.next_is_header():
            header = self._reader.header()
            if header is not None:
                self._on_header(header)
            return header is not None
        frame = self._reader.frame()
        if frame is not None and frame.body:
            if frame.kind == SASL_TYPE:
                self.send_raw(sasl.outcome_of(frame.body))
            else:
                self._on_frame(frame)
        return frame is not None

    def _on_header(self, header: bytes) -> None:
        if header == SASL_HEADER:
            self.send_raw(SASL_HEADER, sasl.mechanisms())
        else:
            self.send_raw(AMQP_HEADER)
            if header != AMQP_HEADER:
                self.flush()
                self._transport.close()

    def _on_frame(self, frame: Frame) -> None:
        value, end = decode(frame.body)
        performative = performative_of(value)
        if isinstance(performative, Open):
            self._on_open(performative)
        elif not self._is_open:
            raise WireError("a frame came before the connection was opened")
        elif isinstance(performative, Close):
            self._close()
        elif isinstance(performative, Begin):
            self._on_begin(performative, frame.channel)
        elif isinstance(performative, End):
            session = self._sessions.pop(frame.channel, None)
            if session is not None:
                session.close()
                self.send(End(), frame.channel)
        elif (session := self._sessions.get(frame.channel)) is not None:
            # The SDK detaches its links after it has ended their session: those are dropped.
            _to_session(session, performative, memoryview(frame.body)[end:])

    def _on_open(self, peer: Open) -> None:
        self._is_open = True
        self.peer_max_frame_bytes = int(peer.max_frame_size or _DEFAULT_PEER_FRAME_BYTES)
        if self.peer_max_frame_bytes < MIN_FRAME_BYTES:
            raise WireError(f"frames of at least {MIN_FRAME_BYTES} bytes must be possible")
        if self._heartbeat is not None:
            self._heartbeat.peer_allows((peer.idle_time_out or 0) / 1000)
        self.send(
            Open(
                container_id="gatemeter-emulator",
                max_frame_size=UInt(self._settings.max_frame_bytes),
                channel_max=UShort(_MAX_CHANNELS - 1),
                idle_time_out=UInt(int(self._settings.idle_timeout_seconds * 1000)),
                properties={Symbol("product"): "gatemeter emulator"},
            ),
            0,
        )

    def _on_begin(self, begin: Begin, channel: int) -> None:
        if channel in self._sessions or channel >= _MAX_CHANNELS:
            raise WireError(f"no session can begin on channel {channel}")
        size = self._settings.max_message_bytes
        self._sessions[channel] = Session(self, channel, begin, self._attacher, size)

    def _close(self, condition: str = "", description: str = "") -> None:
        """Say goodbye, with an error if there is one, and hang up."""
        self._end_sessions()
        if self._is_open:
            self.send(Close(error_of(condition, description) if condition else None), 0)
        self.flush()
        self._transport.close()

    def _pump(self) -> None:
        for session in tuple(self._sessions.values()):
            session.pump()
        self.flush()

    def _end_sessions(self) -> None:
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            session.close()

    def _heard(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.heard()

    def _on_silence(self) -> None:
        if not self._paused:
            milliseconds = int(self._settings.idle_timeout_seconds * 1000)
            text = (
                f"The connection was inactive for more than the allowed {milliseconds} milliseconds"
            )
            self._close(FORCED, text)

    def _say_something(self) -> None:
        if not self._paused:
            self.send_raw(EMPTY_FRAME)
            self.flush()


def _to_session(session: Session, performative: Performative, payload: memoryview) -> None:
    """Hand a frame to its session."""
    match performative:
        case Transfer():
            session.on_transfer(performative, payload)
        case Flow():
            session.on_flow(performative)
        case Attach():
            session.on_attach(performative)
        case Detach():
            session.on_detach(performative)
        case Disposition():
            pass  # everything is sent settled, so nothing is left to be said about it
        case _:
            raise WireError("a frame that belongs to no session")
