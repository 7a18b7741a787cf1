"""Messages are kept as they were sent, their place added."""

from __future__ import annotations

from typing import Any

import pytest
from azure.eventhub import EventData, EventDataBatch
from azure.eventhub._pyamqp import _decode as sdk
from azure.eventhub._pyamqp._encode import encode_payload
from azure.eventhub._pyamqp.message import Header, Message, Properties
from hypothesis import given
from hypothesis import strategies as st

from gatemeter.emulator.encode import encode
from gatemeter.emulator.errors import WireError
from gatemeter.emulator.sections import (
    APPLICATION_PROPERTIES,
    BATCH_FORMAT,
    DATA,
    MESSAGE_ANNOTATIONS,
    encode_section,
    messages_of,
    sections,
)
from gatemeter.emulator.stored_message import IncomingMessage
from gatemeter.emulator.wire_types import Described, Symbol, ULong

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def _encoded(message: Any) -> bytes:
    out = bytearray()
    encode_payload(out, message)
    return bytes(out)


@given(
    body=st.lists(st.binary(max_size=300), min_size=1, max_size=3),
    named=st.dictionaries(TEXT, TEXT | st.integers(-(2**31), 2**31 - 1), max_size=3),
    key=st.none() | st.text(st.characters(codec="ascii"), min_size=1, max_size=20),
    place=st.tuples(st.integers(0, 2**62), st.integers(0, 2**62), st.integers(0, 2**41)),
)
def test_the_sdk_gets_back_what_the_sdk_sent(
    body: list[bytes], named: dict[str | bytes, Any], key: str | None, place: tuple[int, int, int]
) -> None:
    """Every section survives, and the annotations hold key, sequence number, offset and time."""
    sent: Any = Message(
        header=Header(durable=True),
        delivery_annotations={b"hop": b"one"},
        message_annotations={b"x-opt-partition-key": key} if key else {},
        properties=Properties(message_id="id", subject="usage"),
        application_properties=named,
        data=body,
    )
    stored = IncomingMessage.parse(_encoded(sent)).placed(*place)
    assert stored.body == b"".join(body)
    assert stored.partition_key == key
    assert stored.application_properties == named
    assert stored.properties == {"message_id": "id", "subject": "usage"}
    wire = stored.header + stored.annotations + stored.bare
    got: Any = sdk.decode_payload(memoryview(wire))
    assert got.header.durable is True
    assert got.data == body
    assert not got.delivery_annotations
    assert got.properties.subject == b"usage"
    expected = {
        b"x-opt-sequence-number": place[0],
        b"x-opt-offset": str(place[1]).encode(),
        b"x-opt-enqueued-time": place[2],
    }
    assert got.message_annotations == expected | (
        {b"x-opt-partition-key": key.encode()} if key else {}
    )


def test_a_batch_is_its_messages() -> None:
    """The envelope's key and every event come out of the SDK's own batch."""
    batch = EventDataBatch(1 << 20, partition_key="team")
    bodies = [b"", b"short", b"x" * 400]
    for body in bodies:
        batch.add(EventData(body))
    inner, envelope = messages_of(_encoded(batch._message), BATCH_FORMAT)
    assert [IncomingMessage.parse(one).placed(0, 0, 0).body for one in inner] == bodies
    assert envelope == {"x-opt-partition-key": "team"}


@pytest.mark.parametrize(
    "descriptor", [encode(Symbol("amqp:data:binary")), b"\x80" + b"\0" * 7 + b"u"]
)
def test_descriptors_may_be_long(descriptor: bytes) -> None:
    """Other clients write a section's descriptor as a symbol or with eight bytes."""
    message = b"\x00" + descriptor + encode(b"content")
    assert [one.code for one in sections(message)] == [DATA]
    assert IncomingMessage.parse(message).placed(0, 0, 0).body == b"content"


@pytest.mark.parametrize(
    "payload",
    [
        b"\x00\x53",
        b"\x00\x53\x24\x45",
        b"\x53\x53\x75\xa0\x00",
        encode_section(DATA, b"abc")[:-1],
        encode_section(MESSAGE_ANNOTATIONS, []),
        encode(Described(ULong(0x7F), None)),
    ],
)
def test_what_is_no_message_is_an_error(payload: bytes) -> None:
    """Cut off, of another kind, or with annotations that are no map."""
    with pytest.raises(WireError):
        IncomingMessage.parse(payload)


def test_a_batch_of_something_else_is_an_error() -> None:
    """The data sections of a batch are binary."""
    with pytest.raises(WireError):
        messages_of(encode_section(DATA, "text"), BATCH_FORMAT)


def test_a_message_without_named_properties_has_none() -> None:
    """A null map is an empty one."""
    message = encode_section(APPLICATION_PROPERTIES, None) + encode_section(DATA, b"x")
    assert IncomingMessage.parse(message).placed(0, 0, 0).application_properties == {}
