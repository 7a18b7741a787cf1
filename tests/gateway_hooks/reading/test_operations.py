"""Every operation of the REST reference is recognised by its method and path."""

import pytest

from gateway_hooks.event import Operation
from gateway_hooks.reading.operations import recognise

DEPLOYED = "/openai/deployments/gpt-4o/"


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("POST", DEPLOYED + "completions", "text_completion"),
        ("POST", DEPLOYED + "embeddings", "embeddings"),
        ("POST", DEPLOYED + "chat/completions", "chat"),
        ("POST", DEPLOYED + "extensions/chat/completions", "on_your_data"),
        ("POST", DEPLOYED + "images/generations", "image_generation"),
        ("POST", DEPLOYED + "images/edits", "image_edit"),
        ("POST", DEPLOYED + "audio/transcriptions", "transcription"),
        ("POST", DEPLOYED + "audio/translations", "translation"),
        ("POST", DEPLOYED + "audio/speech", "speech"),
        ("POST", "/openai/images/generations:submit", "image_generation"),
        ("POST", "/openai/images/generations%3Asubmit", "image_generation"),
        ("GET", "/openai/operations/images/op-1", "image_operation"),
        ("DELETE", "/openai/operations/images/op-1", "image_operation"),
        ("PUT", "/openai/extensions/on-your-data/ingestion-jobs/job-1", "ingestion_job"),
        ("GET", "/openai/extensions/on-your-data/ingestion-jobs/job-1", "ingestion_job"),
        ("GET", "/openai/extensions/on-your-data/ingestion-jobs", "ingestion_job"),
        ("PUT", "/openai/ingestion/jobs/job-1", "ingestion_job"),
        ("GET", "/openai/ingestion/jobs", "ingestion_job"),
        ("GET", "/openai/ingestion/jobs/job-1/runs", "ingestion_job"),
        ("GET", "/openai/realtime", "realtime"),
        ("GET", "/openai/v1/realtime", "realtime"),
        ("POST", "/openai/v1/realtime/client_secrets", "other"),
        ("POST", "/openai/responses", "responses"),
        ("POST", "/openai/v1/responses", "responses"),
        ("POST", "/openai/v1/responses/compact", "responses"),
        ("GET", "/openai/responses/resp_1", "fetch_response"),
        ("DELETE", "/openai/v1/responses/resp_1", "fetch_response"),
        ("POST", "/openai/v1/responses/resp_1/cancel", "fetch_response"),
        ("GET", "/openai/v1/responses/resp_1/input_items", "fetch_response"),
        ("POST", "/openai/v1/chat/completions", "chat"),
        ("POST", "/openai/v1/embeddings", "embeddings"),
        ("POST", "/openai/v1/images/generations", "image_generation"),
        ("POST", "/openai/v1/audio/speech", "speech"),
        ("POST", "/v1/chat/completions", "chat"),
        ("POST", "/chat/completions", "chat"),
        ("POST", "/models/chat/completions", "chat"),
        ("POST", "/v1/engines/gpt/completions", "text_completion"),
        ("post", "/OpenAI/Deployments/gpt-4o/Chat/Completions/", "chat"),
    ],
)
def test_each_operation_has_its_name(method: str, path: str, operation: Operation) -> None:
    """No call of the reference is filed under another one's name."""
    assert recognise(method, path, "").operation == operation


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/openai/models"),
        ("GET", DEPLOYED + "chat/completions"),
        ("GET", "/openai/v1/chat/completions/chatcmpl-1"),
        ("POST", "/openai/v1/chat/completions/chatcmpl-1"),
        ("POST", "/openai/v1/responses/input_tokens"),
        ("POST", "/openai/v1/files"),
        ("POST", "/openai/v1/batches"),
        ("POST", "/anthropic/v1/messages"),
        ("POST", "/shop/completions"),
        ("POST", ""),
    ],
)
def test_everything_else_is_other(method: str, path: str) -> None:
    """Paths that charge nothing by tokens are not mistaken for ones that do."""
    call = recognise(method, path, "")
    assert call.operation == "other"
    assert not call.reads_usage


@pytest.mark.parametrize(
    ("path", "deployment"),
    [
        (DEPLOYED + "chat/completions", "gpt-4o"),
        ("/team/ai/openai/deployments/Mixed-Case_1/embeddings", "Mixed-Case_1"),
        ("/openai/openai/deployments/openai/chat/completions", "openai"),
        ("/inference/deployments/gpt%2D4o/chat/completions", "gpt-4o"),
        ("/openai/v1/chat/completions", None),
    ],
)
def test_deployment_is_read_behind_any_prefix(path: str, deployment: str | None) -> None:
    """Whatever an API gateway puts in front, the deployment is the path's own."""
    assert recognise("POST", path, "").deployment == deployment


@pytest.mark.parametrize(
    ("path", "query", "version"),
    [
        (DEPLOYED + "embeddings", "api-version=2024-10-21", "2024-10-21"),
        (DEPLOYED + "embeddings", "x=1&API-Version=2025-01-01-preview", "2025-01-01-preview"),
        ("/openai/v1/responses", "", "v1"),
        ("/openai/v1/responses", "api-version=preview", "preview"),
        ("/openai/v1/responses", "api-version=latest", "latest"),
        ("/v1/chat/completions", "", "v1"),
        (DEPLOYED + "embeddings", "", None),
        (DEPLOYED + "embeddings", "api-version=", None),
        ("/nowhere", "api-version=2024-10-21", "2024-10-21"),
    ],
)
def test_api_version(path: str, query: str, version: str | None) -> None:
    """The version is the query's; the version 1 paths are `v1` without one."""
    assert recognise("POST", path, query).api_version == version


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/openai/v1/responses/resp_1"),
        ("POST", "/openai/v1/responses/resp_1/cancel"),
        ("GET", "/openai/operations/images/op-1"),
        ("PUT", "/openai/ingestion/jobs/job-1"),
    ],
)
def test_what_was_paid_before_is_not_paid_again(method: str, path: str) -> None:
    """Reading or deleting something reads no usage, although the body may carry it."""
    assert not recognise(method, path, "").reads_usage


def test_streams_says_who_may_stream() -> None:
    """Embeddings never come in parts; chats may."""
    assert recognise("POST", DEPLOYED + "chat/completions", "").streams
    assert not recognise("POST", DEPLOYED + "embeddings", "").streams


def test_long_names_are_cut() -> None:
    """A hostile path cannot make an event that its schema refuses."""
    call = recognise(
        "POST", f"/openai/deployments/{'d' * 999}/embeddings", "api-version=" + "9" * 999
    )
    assert call.deployment == "d" * 256
    assert call.api_version == "9" * 256


def test_a_realtime_handshake_names_its_deployment_in_the_query() -> None:
    """Azure's dated path a deployment, the path of version 1 a model."""
    dated = recognise("GET", "/openai/realtime", "api-version=2025-04-01-preview&deployment=a%20b")
    assert (dated.deployment, dated.api_version) == ("a b", "2025-04-01-preview")
    released = recognise("GET", "/openai/v1/realtime", "model=gpt-realtime")
    assert (released.deployment, released.model) == (None, "gpt-realtime")
    assert released.api_version == "v1"
