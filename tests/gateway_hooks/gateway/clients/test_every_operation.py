"""Every operation of the REST reference, also those of which the gateway knows nothing.

Behind the gateway stands a backend that knows them all and answers with what it was asked, so
whatever the gateway would lose or change on the way is seen.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai import AzureOpenAI, OpenAI

from gatemeter.simulator.server import server_for as simulator_server_for
from tests.gateway_hooks.gateway.clients.conftest import (
    FILE,
    made_keys,
    whole_gateway,
)
from tests.gateway_hooks.gateway.clients.wire import Witness, assert_same, since
from tests.gateway_hooks.gateway.conftest import serving

VERSION = "2025-04-01-preview"
D = "/openai/deployments/any-deployment"
REFERENCE = [
    # Azure's data plane, authoring and inference, by their groups
    *[("POST", f"{D}/{path}") for path in (
        "completions", "embeddings", "chat/completions", "extensions/chat/completions",
        "images/generations", "images/edits", "audio/speech",
    )],
    ("POST", "/openai/images/generations:submit"),
    ("GET", "/openai/files"), ("POST", "/openai/files/import"), ("GET", "/openai/files/file-1"),
    ("DELETE", "/openai/files/file-1"), ("GET", "/openai/files/file-1/content"),
    ("GET", "/openai/batches"), ("POST", "/openai/batches"), ("GET", "/openai/batches/batch_1"),
    ("POST", "/openai/batches/batch_1/cancel"),
    ("GET", "/openai/models"), ("GET", "/openai/models/gpt-4o"),
    ("GET", "/openai/fine_tuning/jobs"), ("POST", "/openai/fine_tuning/jobs"),
    ("GET", "/openai/fine_tuning/jobs/ft-1"), ("DELETE", "/openai/fine_tuning/jobs/ft-1"),
    ("POST", "/openai/fine_tuning/jobs/ft-1/cancel"),
    ("GET", "/openai/fine_tuning/jobs/ft-1/events"),
    ("GET", "/openai/fine_tuning/jobs/ft-1/checkpoints"),
    ("GET", "/openai/ingestion/jobs"), ("PUT", "/openai/ingestion/jobs/j-1"),
    ("GET", "/openai/ingestion/jobs/j-1"), ("DELETE", "/openai/ingestion/jobs/j-1"),
    ("GET", "/openai/ingestion/jobs/j-1/runs"), ("GET", "/openai/ingestion/jobs/j-1/runs/r-1"),
    ("PUT", "/openai/extensions/on-your-data/ingestion-jobs/j-1"),
    ("GET", "/openai/assistants"), ("POST", "/openai/assistants"),
    ("POST", "/openai/assistants/asst_1"), ("DELETE", "/openai/assistants/asst_1"),
    ("POST", "/openai/threads"), ("GET", "/openai/threads/thread_1"),
    ("POST", "/openai/threads/thread_1/messages"), ("GET", "/openai/threads/thread_1/messages"),
    ("POST", "/openai/threads/runs"), ("POST", "/openai/threads/thread_1/runs"),
    ("POST", "/openai/threads/thread_1/runs/run_1/submit_tool_outputs"),
    ("GET", "/openai/threads/thread_1/runs/run_1/steps/step_1"),
    ("GET", "/openai/vector_stores"), ("POST", "/openai/vector_stores"),
    ("POST", "/openai/vector_stores/vs_1/search"), ("POST", "/openai/vector_stores/vs_1/files"),
    ("POST", "/openai/vector_stores/vs_1/file_batches/vsfb_1/cancel"),
    ("POST", "/openai/uploads"), ("POST", "/openai/uploads/up_1/complete"),
    ("POST", "/openai/v1/evals"), ("POST", "/openai/v1/evals/e-1/runs"),
    ("POST", "/openai/v1/videos"), ("GET", "/openai/v1/videos/video_1/content"),
    ("POST", "/openai/v1/video/generations/jobs"),
    ("GET", "/openai/v1/video/generations/jobs/task_1"),
    ("POST", "/openai/v1/containers"), ("GET", "/openai/v1/containers/cntr_1/files"),
    ("POST", "/openai/v1/images/variations"), ("POST", "/openai/v1/moderations"),
    ("POST", "/openai/v1/responses/input_tokens"), ("POST", "/openai/v1/responses/compact"),
    ("POST", "/openai/v1/realtime/client_secrets"), ("POST", "/openai/realtimeapi/sessions"),
    ("PATCH", "/openai/some/thing-of-the-future"),
]  # fmt: skip


async def knows_everything(scope: Any, receive: Any, send: Any) -> None:
    """A backend that tells what it was asked."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    answer = {
        "id": "resp_made" if scope["path"].endswith("/responses") else "made-1",
        "object": scope["path"],
        "data": [{"id": "item-1"}],
        "bytes": len(body),
    }
    told = json.dumps(answer).encode()
    request_id = dict(scope["headers"]).get(b"x-asked", b"asked-1")
    headers = [
        (b"content-type", b"application/json"), (b"content-length", b"%d" % len(told)),
        (b"apim-request-id", request_id), (b"x-ms-region", b"East US"),
        (b"of-the-future", b"a"), (b"of-the-future", b"b"),
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": told})


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The gateway in front of it: address, key, events, and both witnesses."""
    home = tmp_path_factory.mktemp("knowing")
    (key,) = made_keys(home, app="all")
    inside = Witness(knows_everything)
    with serving(simulator_server_for(inside)) as url:  # type: ignore[arg-type] # any ASGI
        text = FILE.format(url=url, check_answers="off").partition("[content_safety]")[0]
        with whole_gateway(home, text, "the-backends-own-key") as (place, sink, outside):
            yield place, key, sink, outside, inside


@pytest.mark.parametrize(("method", "path"), REFERENCE)
def test_every_operation_passes_through(knowing: Any, method: str, path: str) -> None:
    """Method, path, query, body and headers both ways; one event each."""
    place, key, sink, outside, inside = knowing
    before = len(sink.lines)
    body = b'{ "model": "any-deployment",\n "input": "\xc3\xa9", "input": "twice" }'
    query = "?api-version=2025-04-01-preview&after=a%2Fb&limit=&x=%20+"
    with since(outside, inside) as (seen, arrived):
        answer = httpx.request(
            method, place + path + query, headers={"api-key": key},
            content=None if method in {"GET", "DELETE"} else body,
        )  # fmt: skip
    assert answer.status_code == 200
    assert answer.headers.get_list("of-the-future") == ["a", "b"]
    assert len(seen) == len(arrived) == 1
    assert_same(seen[0], arrived[0])
    assert len(sink.lines) == before + 1


def sdk_calls(client: Any) -> Iterator[Any]:
    """What the SDK can do besides generating."""
    jsonl = ("batch.jsonl", b'{"custom_id": "1"}\n', "application/jsonl")
    yield client.files.create(file=jsonl, purpose="batch")
    yield client.files.list()
    yield client.files.retrieve("file-1")
    yield client.files.content("file-1")
    yield client.files.delete("file-1")
    yield client.batches.create(
        input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h"
    )
    yield client.batches.retrieve("batch_1")
    yield client.batches.cancel("batch_1")
    yield client.batches.list()
    yield client.fine_tuning.jobs.create(model="gpt-4o-mini", training_file="file-1")
    yield client.fine_tuning.jobs.list_events("ft-1")
    yield client.models.list()
    yield client.vector_stores.create(name="facts")
    yield client.vector_stores.files.list("vs_1")
    yield client.vector_stores.search("vs_1", query="which?")
    yield client.uploads.create(bytes=3, filename="a", mime_type="text/plain", purpose="batch")
    yield client.uploads.parts.create("up_1", data=b"abc")
    yield client.containers.create(name="box")
    yield client.evals.list()
    yield client.moderations.create(input="a")
    made = client.responses.create(model="any-deployment", input="a", background=True)
    yield made
    yield client.responses.retrieve(made.id)
    yield client.responses.cancel(made.id)
    yield client.responses.input_items.list(made.id)
    yield client.responses.create(model="any-deployment", input="b", previous_response_id=made.id)
    yield client.responses.delete(made.id)
    yield client.images.create_variation(image=b"png", model="any-deployment")


@pytest.mark.parametrize("is_azures", [True, False])
def test_what_else_the_sdk_can_do(knowing: Any, *, is_azures: bool) -> None:
    """Files, batches, fine-tuning, vector stores and background responses, by both clients."""
    place, key, sink, outside, inside = knowing
    before = len(sink.lines)
    client: OpenAI
    if is_azures:
        client = AzureOpenAI(azure_endpoint=place, api_key=key, api_version=VERSION, max_retries=0)
    else:
        client = OpenAI(base_url=f"{place}/openai/v1", api_key=key, max_retries=0)
    with since(outside, inside) as (seen, arrived), client, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the SDK's own
        answers = list(sdk_calls(client))
    assert len(answers) == len(seen) == len(arrived) == len(sink.lines) - before
    for outer, inner in zip(seen, arrived, strict=True):
        assert outer.status == 200
        assert_same(outer, inner)
