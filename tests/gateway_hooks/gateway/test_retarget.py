"""Another deployment's name is put in, and nothing else is touched."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_hooks.gateway.incoming import IncomingRequest, read_incoming
from gateway_hooks.gateway.request_body import RequestBody
from gateway_hooks.gateway.retarget import redirected, retargeted
from gateway_hooks.reading.form import read_form

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


async def _nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}


def request(
    target: str, body: bytes = b"", content_type: str = "application/json"
) -> IncomingRequest:
    """A request as the gateway has read it."""
    path, _, query = target.partition("?")
    scope = {
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"content-type", content_type.encode())],
    }
    return read_incoming(scope, RequestBody([body], _nothing, complete=True))


@given(names, st.sampled_from(["deployments", "Deployments", "engines"]), st.binary(max_size=50))
def test_in_a_path_only_the_name_changes(name: str, folder: str, body: bytes) -> None:
    """Prefix, operation, query and the whole body stay as they were sent."""
    query = "?api-version=2024-10-21&x=/deployments/gpt-4o/&y=%2F"
    sent = request(f"/openai/{folder}/gpt-4o/chat/completions{query}", body)
    target, kept = retargeted(sent, name)
    wanted = f"/openai/{folder}/{quote(name, safe='')}/chat/completions{query}"
    assert target.decode() == wanted
    assert kept == body


@given(names, st.dictionaries(st.text(), values, max_size=4), st.sampled_from([None, 2]))
def test_in_json_only_the_model_changes(
    name: str, others: dict[str, Any], indent: int | None
) -> None:
    """Every other field keeps its value and its place, down to a number's digits."""
    fields = {"a": 1, **others, "model": "gpt-4o", "temperature": 0.1}
    text = json.dumps(fields, indent=indent).replace("0.1", "0.10000000000000000001e0")
    target, body = retargeted(request("/openai/v1/chat/completions", text.encode()), name)
    assert target == b"/openai/v1/chat/completions"
    assert body is not None
    if name != "gpt-4o":
        assert b"0.10000000000000000001e0" in body
    assert list(json.loads(body).items()) == [
        (key, name if key == "model" else value) for key, value in fields.items()
    ]


def form(parts: list[tuple[str, bytes]], boundary: str) -> bytes:
    """A form of these parts: head without its end, and content."""
    return b"".join(
        f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n" for head, content in parts
    ) + (f"--{boundary}--\r\n".encode())


TRAPS = [
    b'name="model"\r\n\r\nwhisper\r\n--',
    b'\r\nContent-Disposition: form-data; name="model"\r\n\r\nx\r\n--other',
    b"\r\n\r\n--\r\n",
]


@given(
    st.from_regex(r"[!-&(-~]{1,40}", fullmatch=True),
    st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(TRAPS)), max_size=3),
    st.sampled_from(['"model"', "model"]),
    st.from_regex(r"[0-9A-Za-z'+_./:=?-]{6,60}", fullmatch=True),
)
def test_in_a_form_only_the_models_part_changes(
    name: str, contents: list[bytes], spelt: str, boundary: str
) -> None:
    """Files that look like parts, or are called model, keep every byte."""
    before = [
        (f'Content-Disposition: form-data; name="f{number}"; filename="model"', content)
        for number, content in enumerate(contents)
        if f"--{boundary}".encode() not in content
    ]
    model = f"content-disposition: form-data; name={spelt}\r\nContent-Type: text/plain"
    after = ('Content-Disposition: form-data; name="prompt"', b"the model\r\nis whisper")
    kind = f'multipart/form-data; boundary="{boundary}"'
    sent = form([*before, (model, b"whisper"), after], boundary)
    _, body = retargeted(request("/openai/v1/audio/transcriptions", sent, kind), name)
    assert body == form([*before, (model, name.encode()), after], boundary)
    assert read_form(kind, body).fields["model"] == name


def test_a_file_called_model_is_no_model() -> None:
    """The first line of an upload is not overwritten because of its file's name."""
    part = ('Content-Disposition: form-data; name="file"; filename="model"', b"RIFF....")
    sent = form([part], "b")
    kind = "multipart/form-data; boundary=b"
    assert retargeted(request("/openai/v1/audio/transcriptions", sent, kind), "x")[1] == sent


@pytest.mark.parametrize("body", [b"", b"no json", b"[1]", b'{"messages": []}', b'{"model":'])
def test_what_names_no_model_goes_out_as_it_came(body: bytes) -> None:
    """Nothing is made up in a body that we cannot read."""
    assert retargeted(request("/openai/v1/chat/completions", body), "x")[1] == body


def test_without_another_name_nothing_is_touched() -> None:
    """The usual case hands on the very bytes of the caller."""
    body = b'{ "model" : "gpt-4o" }'
    sent = request("/openai/v1/chat/completions", body)
    for name in (None, "gpt-4o"):
        assert retargeted(sent, name) == (sent.target, body)


def test_a_redirected_request_is_as_if_it_had_been_sent_so() -> None:
    """Policies and backends further inward see one deployment everywhere."""
    sent = request("/openai/deployments/gpt-4o/chat/completions?a=1", b'{"messages": []}')
    changed = redirected(sent, "mini 2")
    assert changed.target == b"/openai/deployments/mini%202/chat/completions?a=1"
    assert changed.path == "/openai/deployments/mini 2/chat/completions"
    assert (changed.deployment, changed.call.deployment) == ("mini 2", "mini 2")
    body = redirected(request("/openai/v1/responses", b'{"model":"a","input":"x"}'), "b")
    assert (body.deployment, body.call.deployment) == ("b", None)
    assert json.loads(body.body.kept or b"") == {"model": "b", "input": "x"}
