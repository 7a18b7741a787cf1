"""The same records in every spelling and layout that they travel in are the same requests."""

from __future__ import annotations

import gzip
import io
import json
import random
from typing import TYPE_CHECKING, Any

from ingest.feeds.files import read_messages
from tests.ingest.feeds.made_logs import (
    as_table_row,
    at,
    envelope,
    gateway_record,
    hub_event,
    hub_sum,
    litellm,
    llm_record,
    otlp,
    request_response,
    span,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ingest.feeds.conftest import Desk

BOM = b"\xef\xbb\xbf"


def pascal(record: dict[str, Any]) -> dict[str, Any]:
    """Every key begins with a capital, as in some exports."""
    return {key[0].upper() + key[1:]: value for key, value in record.items()}


def text_properties(record: dict[str, Any]) -> dict[str, Any]:
    """The properties are JSON in a text."""
    return {**record, "properties": json.dumps(record["properties"])}


def hub_texts(number: int) -> dict[str, Any]:
    """As Stream Analytics and Cosmos keep a record: counts as texts, a time of ISO, more keys."""
    record = hub_event(number)
    counts = {key: str(record[key]) for key in ("promptTokens", "responseTokens", "totalTokens")}
    time = at(number).strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
    return {**record, **counts, "timestamp": time, "PartitionId": 3, "_ts": 1}


def split_llm(number: int) -> list[dict[str, Any]]:
    """A long message in two records, of which the second counts nothing and names no deployment."""
    quiet = dict.fromkeys(("promptTokens", "completionTokens", "totalTokens"), 0)
    rest = {**quiet, "sequenceNumber": 1, "deploymentName": "", "promptCachedTokens": 0}
    return [llm_record(number), llm_record(number, properties=rest)]


def diagnosed(number: int) -> dict[str, Any]:
    """A row of AzureDiagnostics."""
    record = request_response(number)
    return {
        "TimeGenerated": record["time"],
        "ResourceProvider": "MICROSOFT.COGNITIVESERVICES",
        "Category": "RequestResponse",
        "OperationName": record["operationName"],
        "ResultSignature": "200",
        "DurationMs": float(record["durationMs"]),
        "Resource": "AOAI-SWEDEN",
        "location_s": record["location"],
        "CorrelationId": record["correlationId"],
        "properties_s": json.dumps(record["properties"]),
    }


SPELLINGS: dict[str, list[Callable[[int], Any]]] = {
    "hub": [
        hub_event,
        hub_texts,
        lambda n: pascal(hub_event(n)),
        lambda n: {"x": 1} | hub_event(n),
    ],
    "sums": [hub_sum, lambda n: hub_sum(n, promptTokens=50000, timestamp="11/20/2026 9:00:00 AM")],
    "gateway": [
        gateway_record,
        lambda n: text_properties(gateway_record(n)),
        lambda n: pascal(
            {**gateway_record(n), "properties": pascal(gateway_record(n)["properties"])}
        ),
        lambda n: gateway_record(n, durationMs="800", properties={"responseCode": "200"}),
        lambda n: as_table_row(gateway_record(n)),
    ],
    "llm": [
        llm_record,
        lambda n: text_properties(llm_record(n)),
        lambda n: envelope(*split_llm(n)),
        lambda n: llm_record(n, properties={"promptTokens": "1000", "completionTokens": "100"}),
        lambda n: as_table_row(llm_record(n)),
    ],
    "azure": [
        request_response,
        lambda n: text_properties(request_response(n)),
        lambda n: request_response(n, resultSignature=200),
        diagnosed,
    ],
    "litellm": [
        litellm,
        lambda n: litellm(n, prompt_tokens="1000", startTime=f"{at(n).timestamp()}"),
    ],
    "otlp": [lambda n: otlp(span(n)), lambda n: otlp(span(n, gen_ai__usage__prompt_tokens=1000))],
}
LAYOUTS: dict[str, Callable[[list[Any]], bytes]] = {
    "lines": lambda all_: b"\n".join(json.dumps(one).encode() for one in all_),
    "crlf": lambda all_: b"".join(json.dumps(one).encode() + b"\r\n" for one in all_),
    "bom": lambda all_: BOM + b"\n".join(json.dumps(one).encode() for one in all_),
    "array": lambda all_: json.dumps(all_).encode(),
    "pretty": lambda all_: BOM + json.dumps(all_, indent=2).replace("\n", "\r\n").encode(),
    "concatenated": lambda all_: b"".join(json.dumps(one).encode() for one in all_),
    "pretty concatenated": lambda all_: "".join(json.dumps(one, indent=1) for one in all_).encode(),
    "gzip": lambda all_: gzip.compress(b"\n".join(json.dumps(one).encode() for one in all_)),
    "two gzips": lambda all_: b"".join(
        gzip.compress(json.dumps(one).encode() + b"\n") for one in all_
    ),
}


def test_every_spelling_in_every_layout_loaded_twice_is_one_request_each(desk: Desk) -> None:
    """Nobody pays twice because a record went another way."""
    chance = random.Random(1)  # noqa: S311 - no secret depends on it
    numbers = range(1, 4)
    plain = [make[0](number) for make in SPELLINGS.values() for number in numbers]
    _load(desk, LAYOUTS["lines"](plain))
    once = desk.totals()
    # The halves of API Management's are one request.
    assert len(once["events"]) == (len(SPELLINGS) - 1) * len(numbers)

    everything = [spell(n) for make in SPELLINGS.values() for spell in make for n in numbers]
    for layout in chance.sample(sorted(LAYOUTS), k=len(LAYOUTS)):
        records = chance.sample(everything, k=len(everything))
        for _ in range(2):
            _load(desk, LAYOUTS[layout](records))
        assert desk.totals() == once, layout


def _load(desk: Desk, file: bytes) -> None:
    messages = list(read_messages(io.BufferedReader(io.BytesIO(file))))
    assert [message.problem for message in messages if message.problem] == []
    made = [desk.read(message.body) for message in messages]
    assert [rejected for one in made for rejected in one.rejected] == []
    desk.load(message.body for message in messages)
