"""From an attach to the end of a link: who wants what, and whether it is allowed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from gatemeter.emulator.access import covers
from gatemeter.emulator.addresses import CBS, MANAGEMENT, parse_address, path_of
from gatemeter.emulator.cbs import put_token
from gatemeter.emulator.encode import array_of
from gatemeter.emulator.errors import (
    INVALID_FIELD,
    NOT_ALLOWED,
    NOT_FOUND,
    UNAUTHORIZED,
    Refusal,
)
from gatemeter.emulator.faults import SendFault
from gatemeter.emulator.inbound_link import Acknowledge, InboundLink
from gatemeter.emulator.management import read
from gatemeter.emulator.outbound_link import AnswerLink
from gatemeter.emulator.performatives import ACCEPTED, Attach, Flow, Transfer, rejected
from gatemeter.emulator.reader_link import ReaderLink
from gatemeter.emulator.request_answer import Request
from gatemeter.emulator.start_position import StartPosition
from gatemeter.emulator.wire_types import Array, Described, Symbol

if TYPE_CHECKING:
    from gatemeter.emulator.access import TokenChecker
    from gatemeter.emulator.broker import Broker
    from gatemeter.emulator.faults import Faults
    from gatemeter.emulator.wire import Wire

EPOCH: Final = "com.microsoft:epoch"
RUNTIME_METRICS: Final = "com.microsoft:enable-receiver-runtime-metric"
SELECTOR: Final = "apache.org:selector-filter:string"
_FILTERS: Final = 7
_INTERNAL_ERROR: Final = "amqp:internal-error"


class Link(Protocol):
    """The end of a link; called in the event loop's thread and may not block."""

    def on_transfer(self, transfer: Transfer, payload: memoryview) -> None:
        """Take a frame of a message."""

    def on_flow(self, flow: Flow) -> None:
        """Take credit."""

    def on_room(self) -> None:
        """Go on sending."""

    def close(self) -> None:
        """Let go of what the link holds."""


class Attacher:
    """Makes the ends of one connection's links.

    Args:
        broker: the hubs.
        checker: of tokens.
        faults: that were asked for.
        max_message_bytes: of a send.
    """

    def __init__(
        self, broker: Broker, checker: TokenChecker, faults: Faults, max_message_bytes: int
    ) -> None:
        self._broker = broker
        self._checker = checker
        self._faults = faults
        self._max_message_bytes = max_message_bytes
        self._scopes: set[str] = set()
        self._answer_links: dict[tuple[int, str], AnswerLink] = {}

    def link_for(self, attach: Attach, wire: Wire) -> Link:
        """The end that an attach asks for; `started` follows once the peer was answered.

        Raises:
            Refusal: there is no such entity, or no right to it.
        """
        source, target = _address(attach.source), _address(attach.target)
        path = source if attach.role else target
        handle = int(attach.handle or 0)
        if path.lower() in {CBS, MANAGEMENT}:
            return self._service_link(path.lower(), wire, handle, answers=bool(attach.role))
        if not self._may_use(path):
            raise Refusal(UNAUTHORIZED, f"Unauthorized access to '{path}': put a token first.")
        return (
            self._reader(attach, path, wire) if attach.role else self._producer(path, wire, handle)
        )

    def started(self, link: Link, attach: Attach) -> None:
        """Give a producer its credit; readers wait for theirs."""
        if isinstance(link, InboundLink):
            link.start(int(attach.initial_delivery_count or 0))

    def offered(self, attach: Attach) -> Array | None:
        """Those of a reader's desired capabilities that are there."""
        if attach.role and RUNTIME_METRICS in _symbols(attach.desired_capabilities):
            return array_of([Symbol(RUNTIME_METRICS)])
        return None

    def _service_link(self, service: str, wire: Wire, handle: int, *, answers: bool) -> Link:
        key = (id(wire), service)
        if answers:
            self._answer_links[key] = AnswerLink(wire, handle)
            return self._answer_links[key]
        return InboundLink(
            wire, handle, self._max_message_bytes, partial(self._on_request, service, key)
        )

    def _on_request(
        self,
        service: str,
        key: tuple[int, str],
        payload: bytes,
        _message_format: int,
        acknowledge: Acknowledge,
    ) -> None:
        request = Request.parse(payload)
        answers = self._answer_links.get(key)
        if answers is None:
            raise Refusal(NOT_ALLOWED, f"attach a receiving link to {service} first")
        acknowledge(ACCEPTED)
        if service == CBS:
            answer = put_token(request, self._checker, self._faults, self._scopes)
        else:
            answer = read(request, self._broker, self._may_use)
        answers.send(answer.encode(request))

    def _producer(self, path: str, wire: Wire, handle: int) -> Link:
        address = parse_address(path)
        hub = self._broker.hub(address.hub)
        if address.consumer_group is not None:
            raise Refusal(NOT_ALLOWED, "a consumer group is read, not written")
        if address.partition is not None:
            hub.partition(address.partition)

        def take(payload: bytes, message_format: int, acknowledge: Acknowledge) -> None:
            plan = self._faults.take_send_fault()
            if plan is not None and plan.fault is SendFault.REJECT:
                acknowledge(rejected(plan.condition, plan.description))
                return
            try:
                hub.publish(payload, message_format, address.partition)
            except OSError as error:
                acknowledge(rejected(_INTERNAL_ERROR, f"the message was not written: {error}"))
                return
            if plan is None:
                acknowledge(ACCEPTED)
            elif plan.fault is SendFault.DROP_CONNECTION:
                wire.abort()

        return InboundLink(wire, handle, self._max_message_bytes, take)

    def _reader(self, attach: Attach, path: str, wire: Wire) -> Link:
        address = parse_address(path)
        hub, partition = self._broker.partition(address)
        if address.consumer_group is None:
            raise Refusal(NOT_FOUND, f"'{path}' names no consumer group")
        readers = hub.readers(address.consumer_group, partition)
        link = ReaderLink(
            wire,
            int(attach.handle or 0),
            partition,
            readers,
            start=_start_position(attach.source).sequence_in(partition),
            owner_level=_owner_level(attach.properties),
            with_metrics=RUNTIME_METRICS in _symbols(attach.desired_capabilities),
        )
        try:
            readers.join(link)
        except Refusal:
            link.close()
            raise
        return link

    def _may_use(self, path: str) -> bool:
        return any(covers(scope, path) for scope in self._scopes)


def _address(terminus: Described | None) -> str:
    if terminus is None or not isinstance(terminus.value, list) or not terminus.value:
        return ""
    return path_of(str(terminus.value[0] or ""))


def _start_position(source: Described | None) -> StartPosition:
    """The selector among a source's filters; without one, everything there is."""
    fields = source.value if source is not None else []
    filters = fields[_FILTERS] if len(fields) > _FILTERS else None
    found = filters.get(SELECTOR) if isinstance(filters, dict) else None
    if found is None:
        return StartPosition()
    value = found.value if isinstance(found, Described) else found
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if not isinstance(value, str):
        raise Refusal(INVALID_FIELD, "a selector is a string")
    return StartPosition.parse(value)


def _owner_level(properties: dict[Any, Any] | None) -> int | None:
    level = (properties or {}).get(EPOCH)
    if level is not None and not isinstance(level, int):
        raise Refusal(INVALID_FIELD, "an epoch is a number")
    return level


def _symbols(capabilities: object) -> tuple[Any, ...]:
    if isinstance(capabilities, Array):
        return capabilities.items
    return () if capabilities is None else (capabilities,)
