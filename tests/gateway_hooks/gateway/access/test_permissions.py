"""What a product may call, and the ways around it that do not work."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway_hooks.errors import SettingsError
from gateway_hooks.gateway.access import Product

SMALL = Product(name="small", deployments=("gpt-4o-mini", "embed-*"))
SMALL_AND_FILES = Product(
    name="files", deployments=("gpt-4o-mini", "embed-*"), other_operations=True
)
CHAT = "/openai/v1/chat/completions"


@pytest.fixture
def small(hooked: Any, make_key: Any) -> Any:
    """A restricted caller's hooks; `ask` with its key."""
    return _Asking(hooked([SMALL, SMALL_AND_FILES]), make_key("s", "small"), make_key("f", "files"))


class _Asking:
    def __init__(self, hooks: Any, key: str, files_key: str) -> None:
        self.hooks = hooks
        self._keys = {False: key, True: files_key}

    async def ask(self, path: str, *, other: bool = False, **options: Any) -> int:
        """The status of one request."""
        headers = [("api-key", self._keys[other]), *options.pop("headers", [])]
        answer = await self.hooks.ask(path, headers=headers, **options)
        if answer.status != 200:
            assert self.hooks.decision().startswith("permissions/denied/")
            if answer.status != 101:
                assert answer.error["message"]
        return int(answer.status)


async def test_the_deployment_of_the_path_decides(small: Any) -> None:
    """Whatever model the body names: the backend serves the path's deployment."""
    path = "/openai/deployments/{}/chat/completions"
    assert await small.ask(path.format("gpt-4o-mini"), body={"model": "gpt-4o"}) == 200
    assert await small.ask(path.format("GPT-4o-Mini")) == 200
    assert await small.ask(path.format("gpt-4o"), body={"model": "gpt-4o-mini"}) == 403
    assert small.hooks.decision() == "permissions/denied/deployment"
    assert small.hooks.events[-1]["product"] == "small"
    assert await small.ask("/openai/deployments/embed-3-large/embeddings") == 200
    assert await small.ask("/openai/deployments/embed/embeddings") == 403
    assert await small.ask("/openai/deployments/gpt-4o/new/operation") == 403
    assert await small.ask("/openai/engines/gpt-4o/completions") == 403
    assert await small.ask("/openai/deployments/gpt-4o", method="GET") == 403


async def test_without_one_the_model_of_the_body_decides(small: Any) -> None:
    """On the version 1 paths and OpenAI's own, and the body reaches the backend whole."""
    for path in (CHAT, "/v1/embeddings", "/openai/v1/responses"):
        assert await small.ask(path, body={"model": "gpt-4o-mini"}) == 200
        assert json.loads(small.hooks.inner.bodies[-1]) == {"model": "gpt-4o-mini"}
        assert await small.ask(path, body={"model": "gpt-4o"}) == 403
        assert await small.ask(path, body={"messages": []}) == 403
        assert await small.ask(path, body={"model": None}) == 403


@pytest.mark.parametrize("other", [False, True])
@pytest.mark.parametrize(
    "path",
    [
        "/openai/deployments/gpt-4o-mini/../gpt-4o/chat/completions",
        "/openai/deployments/gpt-4o-mini/%2e%2e/gpt-4o/chat/completions",
        "/openai/deployments/gpt-4o-mini%2f..%2fgpt-4o/chat/completions",
        "/openai/deployments/gpt-4o-mini%2F%2e%2E%2Fgpt-4o/chat/completions",
        "/openai/deployments/gpt-4o-mini%252f..%252fgpt-4o/chat/completions",
        "/openai/deployments/gpt-4o-mini\\..\\gpt-4o/chat/completions",
        "/openai/deployments/gpt-4o-mini%5c..%5cgpt-4o/chat/completions",
        "/openai/deployments/./gpt-4o/chat/completions",
        "/openai/deployments//gpt-4o/chat/completions",
        "//openai/deployments/gpt-4o/chat/completions",
        "/openai//deployments/gpt-4o/chat/completions",
        "/openai/deployments/gpt-4o-mini;x=/../gpt-4o/chat/completions",
        "/openai/deployments/gpt-4o-mini%3b/chat/completions",
        "/openai/deployments/gpt-4o-mini%00/chat/completions",
        "/openai/deployments/gpt-4o-mini%0d%0a/chat/completions",
        "/openai/deployments/gpt-4o-mini%23/chat/completions",
        "/openai/deployments/gpt-4o-mini%3f/chat/completions",
        "/openai/%64eployments%2fgpt-4o/chat/completions",
        "/..;/openai/deployments/gpt-4o/chat/completions",
    ],
)
async def test_a_path_with_two_readings_is_refused(small: Any, path: str, other: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Dots, double slashes, escapes of what divides paths, escapes of escapes."""
    assert await small.ask(path, other=other) in {400, 403}
    assert small.hooks.inner.seen == []


async def test_the_sent_and_the_decoded_path_have_to_agree(small: Any) -> None:
    """A server that shows us another path than it was sent does not open a way."""
    headers = [("api-key", small._keys[False])]
    allowed, denied = (f"/openai/deployments/{name}/embeddings" for name in ("embed-x", "gpt-4o"))
    scope = {
        "type": "http",
        "method": "POST",
        "path": allowed,
        "raw_path": denied.encode(),
        "query_string": b"",
        "headers": [(b"api-key", headers[0][1].encode())],
        "client": None,
    }
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    await small.hooks.app(scope, receive, send)
    assert sent[0]["status"] == 400


@pytest.mark.parametrize(
    "path",
    [
        "/openai/DEPLOYMENTS/gpt-4o/chat/completions",
        "/openai/%64eployments/gpt-4o/chat/completions",
        "/openai/deployments/%67pt-4o/chat/completions",
        "/openai/deployments/gpt-4o/chat/completions/",
        "/openai/deployments/gpt-4o-mini/deployments/gpt-4o/chat/completions",
        "/openai/deployments/gpt-4o/x/openai/deployments/gpt-4o-mini/chat/completions",
        "/openai/deployments/gpt-4o/v1/chat/completions",
        "/openai/deployments/gpt-4o/models/chat/completions",
        "/prefix/openai/deployments/gpt-4o/chat/completions",
        "/openai/deployments/gpt-4o-mini,gpt-4o/chat/completions",
        "/openai/deployments/gpt-4o-mini%20/chat/completions",
        "/openai/deployments/%20gpt-4o-mini/chat/completions",
        "/openai/deployments/gpt-4o-mini%E2%80%8B/chat/completions",
    ],
)
async def test_every_deployment_of_a_path_has_to_be_allowed(small: Any, path: str) -> None:
    """However it is spelled, and wherever in the path it stands; the body does not help."""
    assert await small.ask(path, body={"model": "gpt-4o-mini"}) == 403
    assert small.hooks.inner.seen == []


@pytest.mark.parametrize("other", [False, True])
@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "gpt-4o-mini", "model": "gpt-4o"}',
        b'{"model": "gpt-4o", "model": "gpt-4o-mini"}',
        b'{"model": "gpt-4o-mini", "Model": "gpt-4o"}',
        b'{"MODEL": "gpt-4o"}',
        b'{"model": "gpt-4o-mini", "mod\\u0065l": "gpt-4o"}',
        b'{"model": "gpt-4o-mini", "\\u004dodel": "gpt-4o"}',
        b'{"model": "gpt-4o-mini"}{"model": "gpt-4o"}',
        b'{"model": "gpt-4o-mini"} x',
        b'[{"model": "gpt-4o-mini"}]',
        b'{"model": ["gpt-4o-mini"]}',
        b'{"model": 7}',
        b"{'model': 'gpt-4o-mini'}",
        b'{"model": "gpt-4o-mini", "x": NaN}',
        b'{"model": "gpt-4o-mini", /* */ "x": 1}',
        b'\xef\xbb\xbf{"model": "gpt-4o-mini"}',
        b'{"model": "gpt-4o-mini", "x": "\xff"}',
        b"\x1f\x8b\x08\x00",
        b'{"a": ' * 5000 + b"1" + b"}" * 5000,
    ],
)
async def test_a_body_with_two_readings_is_refused(small: Any, body: bytes, other: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A key given twice in any spelling, or text that only some readers take for JSON."""
    assert await small.ask(CHAT, body=body, other=other) == 400
    assert small.hooks.inner.seen == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "gpt-4o-mini", "tools": [{"properties": {"model": 1, "Model": 2}}]}',
        b'{"messages": [{"content": "\\"model\\": x, \\u0041 {\\"model\\"}"}], "model": "embed-x"}',
        b'{"x": "model", "y": ["model", {"model": "gpt-4o"}], "model": "gpt-4o-mini"}',
        b'{"model": "gpt-4o-mini", "cut": "half an emoji \\ud83d"}',
        b'{"model": "gpt-4o-mini", "whole": "\\ud83d\\ude00"}',
        b'\n {"model"\t:\n "gpt-4o-mini" } ',
    ],
)
async def test_the_word_model_elsewhere_does_no_harm(small: Any, body: bytes) -> None:
    """In tools, texts and nested objects it is no model, and the body goes on as it came."""
    assert await small.ask(CHAT, body=body) == 200
    assert small.hooks.inner.bodies == [body]


def form(*parts: bytes, boundary: str = "b") -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of a form."""
    line = f"--{boundary}\r\n".encode()
    body = b"".join(line + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()
    return [("content-type", f"multipart/form-data; boundary={boundary}")], body


FILE = b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF'


def model_part(name: bytes, value: bytes) -> bytes:
    """A text field."""
    return b'Content-Disposition: form-data; name="' + name + b'"\r\n\r\n' + value


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([FILE, model_part(b"model", b"embed-whisper")], 200),
        ([FILE, model_part(b"model", b"whisper")], 403),
        ([FILE], 403),
        ([model_part(b"model", b"embed-w"), model_part(b"model", b"whisper")], 400),
        ([model_part(b"model", b"embed-w"), model_part(b"MODEL", b"whisper")], 400),
        ([model_part(b"model", b"x" * 5000), model_part(b"model", b"embed-w")], 400),
        ([model_part(b'x"; name="model', b"embed-w")], 400),
        ([b'Content-Disposition: form-data; name="model"; filename="m"\r\n\r\nembed-w'], 400),
        (
            [
                b'Content-Disposition: form-data; name="x"\r\n' + model_part(b"model", b"embed-w"),
            ],
            400,
        ),
        ([b"Content-Disposition: form-data; name*=utf-8''model; name=x\r\n\r\nembed-w"], 400),
    ],
)
async def test_forms_name_one_model(small: Any, parts: list[bytes], status: int) -> None:
    """An upload without a deployment in its path is read as strictly as JSON."""
    headers, body = form(*parts)
    path = "/openai/v1/audio/transcriptions"
    assert await small.ask(path, headers=headers, body=body) == status


async def test_forms_that_readers_could_divide_differently_are_refused(small: Any) -> None:
    """Two boundaries, two content types, a form that does not end."""
    headers, body = form(FILE, model_part(b"model", b"embed-w"))
    path = "/openai/v1/audio/transcriptions"
    twice = [("content-type", "multipart/form-data; boundary=b; boundary=c")]
    assert await small.ask(path, headers=twice, body=body) == 400
    two = [*headers, ("content-type", "application/json")]
    assert await small.ask(path, headers=two, body=body) == 400
    assert await small.ask(path, headers=headers, body=body[:-20]) == 400


async def test_headers_that_route_are_checked_too(small: Any) -> None:
    """Azure's spillover header names a second deployment."""
    path = "/openai/deployments/gpt-4o-mini/chat/completions"
    spill = "x-ms-spillover-deployment"
    assert await small.ask(path, headers=[(spill, "gpt-4o")]) == 403
    assert await small.ask(path, headers=[(spill, "embed-1,gpt-4o")]) == 403
    assert await small.ask(path, headers=[(spill, "embed-1")]) == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/openai/v1/models"),
        ("GET", "/openai/deployments"),
        ("GET", "/openai/v1/models/gpt-4o"),
        ("POST", "/openai/v1/files"),
        ("GET", "/openai/v1/batches"),
        ("POST", "/openai/v1/batches"),
        ("DELETE", "/openai/v1/files/file-1"),
    ],
)
async def test_operations_without_a_model_need_the_setting(
    small: Any, method: str, path: str
) -> None:
    """Denied to a restricted product unless it says `other_operations = true`."""
    body = {"input_file_id": "file-1"} if method == "POST" else b""
    assert await small.ask(path, method=method, body=body) == 403
    assert small.hooks.decision() == "permissions/denied/operation"
    assert await small.ask(path, method=method, body=body, other=True) == 200


async def test_an_unknown_operation_with_a_model_is_checked_all_the_same(small: Any) -> None:
    """`other_operations` is no way to a deployment."""
    path = "/openai/v1/videos"
    assert await small.ask(path, body={"model": "sora"}, other=True) == 403
    assert await small.ask(path, body={"model": "embed-1"}, other=True) == 200


async def test_realtime_names_its_deployment_in_the_query(small: Any) -> None:
    """Every one it names has to be allowed; none at all is not."""
    key = small._keys[False]
    ask = small.hooks.ask
    extension: dict[str, Any] = {"websocket.http.response": {}}
    for query, status in (
        ("deployment=gpt-4o-mini", 101),
        ("model=gpt-4o-mini", 101),
        ("deployment=gpt-4o", 403),
        ("deployment=gpt-4o-mini&deployment=gpt-4o", 403),
        ("deployment=gpt-4o-mini&model=gpt-4o", 403),
        ("d%65ployment=gpt-4o", 403),
        ("", 403),
    ):
        answer = await ask(
            "/openai/realtime",
            kind="websocket",
            headers=[("api-key", key)],
            query=query,
            extensions=extension,
        )
        assert answer.status == status, query


async def test_a_body_too_long_to_be_seen_names_nothing(small: Any) -> None:
    """Without a deployment in its path it is refused, not trusted."""
    body = json.dumps({"model": "gpt-4o-mini", "x": "y" * (33 << 20)}).encode()
    assert await small.ask(CHAT, body=body) == 413


async def test_every_deployment_means_every_operation(hooked: Any, make_key: Any) -> None:
    """A product without restrictions is not asked for anything but one reading of the path."""
    hooks = hooked()
    headers = [("api-key", make_key())]
    for method, path in (("GET", "/openai/v1/models"), ("POST", "/openai/v1/files")):
        assert (await hooks.ask(path, method=method, headers=headers)).status == 200
    assert (await hooks.ask(CHAT, body=b"not json", headers=headers)).status == 200
    assert len(hooks.inner.seen) == 3


async def test_an_unknown_product_may_nothing(hooked: Any, make_key: Any) -> None:
    """A key whose product is not in the settings says so in the event."""
    hooks = hooked()
    answer = await hooks.ask(headers=[("api-key", make_key("lost", "gone"))])
    assert (answer.status, hooks.decision()) == (403, "permissions/denied/unknown_product")


def test_two_products_of_one_name_are_refused(hooked: Any) -> None:
    """One line with the name."""
    with pytest.raises(SettingsError, match="called small"):
        hooked([SMALL, SMALL])
