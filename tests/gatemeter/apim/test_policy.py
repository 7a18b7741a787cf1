"""The policy for API Management sends events of ours, and uses only what policies may use."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from gatemeter.apim import policy
from gateway_hooks.event import json_schema, validate_line
from ingest.feeds import FeedReader

SCHEMA: dict[str, Any] = dict(json_schema())
ATTEMPT: dict[str, Any] = SCHEMA["$defs"]["Attempt"]

# From Microsoft's list of types that policy expressions may use.
ALLOWED_TYPES = {
    "BitConverter", "Convert", "Encoding", "Exception", "HMACSHA256", "JArray", "JObject",
    "JProperty", "JTokenType", "Math", "SHA256",
}  # fmt: skip
FORBIDDEN_MEMBERS = {
    "Key", "PrimaryKey", "SecondaryKey", "Email", "IpAddress", "FirstName", "LastName", "Message",
}  # fmt: skip


def expressions(text: str) -> dict[str, list[str]]:
    """The C# of each kind of element of a policy document."""
    found: dict[str, list[str]] = {}
    for element in ET.fromstring(text).iter():  # noqa: S314 - our own text
        if element.tag == "log-to-eventhub":
            found.setdefault("log", []).append(str(element.text))
        elif element.tag == "set-variable":
            found.setdefault("variable", []).append(element.attrib["value"])
    return found


def code() -> str:
    """The C# that makes the event, without comments."""
    return re.sub(
        r"^\s*//.*$", "", expressions(policy("hub", escaped=True))["log"][0], flags=re.MULTILINE
    )


def assignments(target: str) -> dict[str, str]:
    """What C# sets on a JObject: keys, and the expressions of their values."""
    text = code()
    start = text.index(f"var {target} = new JObject(")
    inside = text[start : text.index(";", start)]
    made = dict(re.findall(r'new JProperty\("(\w+)",\s*(.*?)\)(?:,\n|\)?$)', inside, re.DOTALL))
    later = re.findall(rf'{target}\["(\w+)"\] = (.*?);', text, re.DOTALL)
    return made | dict(later)


def test_the_document_logs_on_success_and_on_error() -> None:
    """Refused and failed requests are events, too, and both sections make them alike."""
    root = ET.fromstring(policy("my-hub", escaped=True))  # noqa: S314 - our own text
    assert [child.tag for child in root] == ["inbound", "backend", "outbound", "on-error"]
    assert all(child[0].tag == "base" for child in root)
    loggers = {
        section: root.find(f"{section}/log-to-eventhub") for section in ("outbound", "on-error")
    }
    assert all(
        one is not None and one.attrib == {"logger-id": "my-hub"} for one in loggers.values()
    )
    outbound, on_error = expressions(policy("my-hub", escaped=True))["log"]
    assert outbound == on_error


def test_the_editor_gets_the_same_text_unescaped() -> None:
    """The portal's editor takes C# as it is."""
    escaped = policy("hub", escaped=True)
    plain = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert policy("hub") == plain
    assert "&lt;" in escaped


def test_every_field_is_one_of_the_events() -> None:
    """The schema is closed: one unknown key and every event would be read the slow way."""
    fields = assignments("usage")
    assert set(fields) <= set(SCHEMA["properties"])
    assert set(SCHEMA["required"]) <= set(fields)
    assert {
        "input_tokens",
        "output_tokens",
        "cached_input_tokens",
        "response_model",
        "stream",
    } <= set(fields)
    attempt = assignments("attempt")
    assert set(attempt) <= set(ATTEMPT["properties"])
    assert set(ATTEMPT["required"]) <= set(attempt)


@pytest.mark.parametrize(
    ("target", "schema"), [("usage", SCHEMA), ("attempt", ATTEMPT)], ids=["event", "attempt"]
)
def test_words_with_a_fixed_choice_are_of_it(target: str, schema: dict[str, Any]) -> None:
    """A text that C# assigns to an enumeration is one that it knows."""
    checked = 0
    for name, expression in assignments(target).items():
        choice = schema["properties"][name].get("enum")
        if choice:
            words = re.findall(r'"(\w+)"', expression)
            checked += len(words)
            assert set(words) <= set(choice), name
    assert checked >= 1
    operations = code()[code().index("var operation") : code().index("var failed")]
    named = set(re.findall(r'[?:(]\s*"(\w+)"', operations))
    assert named <= set(SCHEMA["properties"]["operation"]["enum"])
    assert {"chat", "responses", "embeddings", "other"} <= named


def sample(name: str) -> object:
    """A value of the kind that the C# of a field makes."""
    request, ms = "0123456789abcdef0123456789abcdef", f"{1_763_715_600_123:012x}"
    made: dict[str, object] = {
        "event_id": f"{ms[:8]}-{ms[8:12]}-7{request[:3]}-b{request[4:7]}-{request[20:32]}",
        "started_at": "2026-11-21T09:00:00.123456Z",
        "operation": "chat",
        "auth_type": "api_key",
        "schema_version": 1,
        "status_code": 200,
        "usage_source": "reported",
        "throttled_by": "backend",
        "throttle": "unknown",
        "stream": False,
        "client_disconnected": True,
    }
    if name == "attempts":
        return [{key: sample(key) for key in assignments("attempt")}]
    if name in made:
        return made[name]
    kind = {**SCHEMA["properties"], **ATTEMPT["properties"]}[name].get("type")
    return {"integer": 7, "number": 1.5}.get(kind, "text")


def test_an_event_of_all_its_fields_is_valid_and_passes_unread() -> None:
    """What the policy sends is taken as our own events are, on the fast path."""
    event = {name: sample(name) for name in assignments("usage")}
    line = json.dumps(event, separators=(",", ":")).encode()
    validate_line(line)
    reader = FeedReader.of(salt=b"sixteen bytes of salt", gateway="gw-test")
    made = reader.translate(line, received_at=datetime(2026, 11, 21, 9, tzinfo=UTC))
    assert (made.feed, made.lines) == ("gatemeter", line + b"\n")


def test_the_event_id_is_put_together_as_a_version_7_uuid() -> None:
    """The lengths of the pieces, as the C# cuts them, are those of the pattern."""
    expression = re.sub(r"\s+", " ", assignments("usage")["event_id"])
    pieces = re.findall(r'"[^"]*"|\w+\.Substring\((\d+), (\d+)\)|variant', expression)
    lengths = [int(length) for _, length in pieces if length]
    assert lengths == [8, 4, 3, 3, 12]
    assert re.findall(r'"([^"]*)"', expression) == ["-", "-7", "-", "-"]


def test_only_types_that_policies_may_use() -> None:
    """API Management refuses to save a policy that uses another type."""
    everything = "\n".join(
        one for found in expressions(policy("hub", escaped=True)).values() for one in found
    )
    everything += policy("hub", salt="salt", escaped=True)
    bare = re.sub(r'//.*$|"(?:[^"\\]|\\.)*"', '""', everything, flags=re.MULTILINE)
    used = set(re.findall(r"(?<![\w.])new ([A-Z]\w*)", bare))
    used |= set(re.findall(r"(?<![\w.])([A-Z]\w*)\.", bare))
    used |= set(re.findall(r"<([A-Z]\w*)>|\bas ([A-Z]\w*)|catch \(([A-Z]\w*)", bare)[0])
    assert {one for one in used if one} - {"Newtonsoft"} <= ALLOWED_TYPES
    assert "Func<" not in bare
    assert "=>" not in bare


def test_neither_content_nor_keys_are_read() -> None:
    """Of bodies only model, ids, codes and counts; of the caller no key, name or address."""
    text = policy("hub")
    members = set(re.findall(r"\.([A-Z]\w*)", re.sub(r'"(?:[^"\\]|\\.)*"', "", text)))
    assert not members & FORBIDDEN_MEMBERS
    taken = set(re.findall(r'(?:body|told|inputs|outputs|error)\["(\w+)"\]', text))
    assert taken == {
        "model", "id", "service_tier", "error", "code", "usage", "prompt_tokens", "input_tokens",
        "completion_tokens", "output_tokens", "prompt_tokens_details", "input_tokens_details",
        "completion_tokens_details", "output_tokens_details", "cached_tokens", "audio_tokens",
        "reasoning_tokens",
    }  # fmt: skip
    assert "messages" not in text
    assert "Authorization" not in text


def test_code_in_an_attribute_has_no_line_comment() -> None:
    """XML makes one line of an attribute, so a comment would swallow what follows it."""
    (variable,) = expressions(policy("hub", escaped=True))["variable"]
    assert "//" not in variable
    assert "'" not in variable


def test_options_reach_the_code() -> None:
    """The named value with the salt, and a name of the operator's own."""
    text = policy("hub", gateway="gw-1", salt="gatemeter-key-salt")
    assert 'new HMACSHA256(Encoding.UTF8.GetBytes("{{gatemeter-key-salt}}"))' in text
    assert 'new JProperty("gateway", "gw-1")' in text
    assert "%" not in re.sub(r"% 4", "", text)


@pytest.mark.parametrize(
    "options", [{"logger": 'x"'}, {"gateway": 'a"b'}, {"salt": "}}"}, {"logger": ""}], ids=str
)
def test_names_that_would_break_the_document_are_refused(options: dict[str, Any]) -> None:
    """Nothing can be smuggled into the C#."""
    with pytest.raises(ValueError, match="is no name"):
        policy(**{"logger": "hub", **options})
