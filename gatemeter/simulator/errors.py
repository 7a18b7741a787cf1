"""Azure's refusals, word for word in shape: the status, the body and the headers of each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatemeter.simulator.limits import Refusal

OPERATION_NAMES: Final = {
    "chat": "ChatCompletions_Create",
    "text_completion": "Completions_Create",
    "embeddings": "Embeddings_Create",
    "responses": "Responses_Create",
    "on_your_data": "ExtensionsChatCompletions_Create",
    "image_generation": "ImageGenerations_Create",
    "image_edit": "ImageEdits_Create",
    "transcription": "Transcriptions_Create",
    "translation": "Translations_Create",
    "speech": "Speech_Create",
    "realtime": "Realtime_Create",
}


class AzureError(Exception):
    """An answer that is not 200."""

    def __init__(
        self, status_code: int, error: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status_code} {error.get('code')}")
        self.status_code = status_code
        self.body = {"error": dict(error)}
        self.headers = dict(headers or {})


def unauthorized() -> AzureError:
    """No key, or a wrong one."""
    return AzureError(
        401,
        {
            "code": "401",
            "message": "Access denied due to invalid subscription key or wrong API endpoint. "
            "Make sure to provide a valid key for an active subscription and use a correct "
            "regional API endpoint for your resource.",
        },
    )


def not_found() -> AzureError:
    """No such path, or no api-version where one is needed."""
    return AzureError(404, {"code": "404", "message": "Resource not found"})


def deployment_not_found() -> AzureError:
    """The resource has no such deployment."""
    return AzureError(
        404,
        {
            "code": "DeploymentNotFound",
            "message": "The API deployment for this resource does not exist. If you created the "
            "deployment within the last 5 minutes, please wait a moment and try again.",
        },
    )


def wrong_model(operation: str, model: str) -> AzureError:
    """The deployment's model does not do this."""
    return AzureError(
        400,
        {
            "code": "OperationNotSupported",
            "message": f"The {operation} operation does not work with the specified model, "
            f"{model}. Please choose different model and try again.",
        },
    )


def bad_request(message: str, param: str | None = None, code: str | None = None) -> AzureError:
    """The body cannot be used."""
    return AzureError(
        400,
        {"message": message, "type": "invalid_request_error", "param": param, "code": code},
    )


def item_not_found(kind: str, item_id: str) -> AzureError:
    """No stored item of that id."""
    return AzureError(
        404,
        {
            "message": f"{kind} with id '{item_id}' not found.",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        },
    )


def content_filtered(results: Mapping[str, Any]) -> AzureError:
    """The prompt was refused; `results` are the annotations by category."""
    return AzureError(
        400,
        {
            "message": "The response was filtered due to the prompt triggering Azure OpenAI's "
            "content management policy. Please modify your prompt and retry.",
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": dict(results),
            },
        },
    )


def invalid_request_body(field: str) -> AzureError:
    """Content Safety cannot use a field: it is missing, of another kind, or too long."""
    return AzureError(
        400,
        {
            "code": "InvalidRequestBody",
            "message": f"The request body is invalid, please check the field {field}.",
            "target": field,
            "details": [],
        },
    )


def blocklist_not_found(name: str) -> AzureError:
    """Content Safety has no block list of that name."""
    return AzureError(
        404, {"code": "NotFound", "message": f"Could not find blocklist with name {name}."}
    )


def throttled(refusal: Refusal, operation: str, api_version: str) -> AzureError:
    """The 429 of a full deployment."""
    seconds = max(1, math.ceil(refusal.retry_after_seconds))
    headers = {
        "retry-after": str(seconds),
        "retry-after-ms": str(max(1, math.ceil(refusal.retry_after_seconds * 1000))),
    }
    match refusal.kind:
        case "ptu":
            headers["azure-openai-deployment-utilization"] = "100.0%"
            what = "the provisioned throughput of your deployment"
        case "tokens":
            headers["x-ratelimit-reset-tokens"] = str(seconds)
            what = "token rate limit of your current AIServices S0 pricing tier"
        case "calls":
            headers["x-ratelimit-reset-requests"] = str(seconds)
            what = "call rate limit of your current AIServices S0 pricing tier"
    name = OPERATION_NAMES.get(operation, operation)
    message = (
        f"Requests to the {name} Operation under Azure OpenAI API version {api_version} have "
        f"exceeded {what}. Please retry after {seconds} second{'s' if seconds > 1 else ''}. "
        "To increase your default rate limit, visit: https://aka.ms/oai/quotaincrease."
    )
    return AzureError(429, {"code": "429", "message": message}, headers)


def high_demand() -> AzureError:
    """The 429 that is nobody's quota: the pool that all customers share is full."""
    return AzureError(
        429,
        {
            "code": "429",
            "message": "The system is currently experiencing high demand and cannot process your "
            "request. Your request exceeds the maximum usage size allowed during peak load. Please "
            "retry after 1 second. For improved latency reliability, consider switching to "
            "Provisioned Throughput.",
        },
        {"retry-after": "1", "retry-after-ms": "500"},
    )


def server_error(status_code: int) -> AzureError:
    """A 500 or 503 of the service itself."""
    return AzureError(
        status_code,
        {
            "code": "InternalServerError" if status_code < 503 else "ServiceUnavailable",  # noqa: PLR2004 - the status is the name
            "message": "The server had an error while processing your request. Sorry about that!",
        },
    )
