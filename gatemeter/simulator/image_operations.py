"""DALL-E 2 as Azure first had it: submit, then ask for the operation until it has succeeded."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse, Response

from gatemeter.simulator import errors, faults, filters
from gatemeter.simulator.call import estimated_tokens, resource_headers
from gatemeter.simulator.ids import new_id
from gatemeter.simulator.images import check_dall_e
from gatemeter.simulator.ledger import Entry, Used

if TYPE_CHECKING:
    from starlette.requests import Request

    from gatemeter.simulator.config import Deployment
    from gatemeter.simulator.resource import SimulatedResource

STATUSES: Final = ("notRunning", "running", "succeeded")
_OPERATION: Final = "image_generation"
_KEPT_SECONDS: Final = 24 * 3600


async def submit(resource: SimulatedResource, request: Request, request_id: str) -> Response:
    """Take a request for images: 202 and the place to ask for them."""
    raw = await request.body()
    body = _body(raw)
    deployment = _deployment(resource)
    api_version = request.query_params["api-version"]
    fault = faults.choose(
        request.headers.get(faults.HEADER), resource.config.failures, resource.fault_rng
    )
    faults.refuse(fault, _OPERATION, api_version)
    limiter = resource.limiters.get(deployment.name)
    refusal = limiter.admit(estimated_tokens(body, len(raw))) if limiter else None
    if refusal is not None:
        raise errors.throttled(refusal, _OPERATION, api_version)
    count, size = check_dall_e("dall-e-2", body)
    filters.check_prompt(str(body["prompt"]))
    operation_id = str(uuid.uuid4())
    resource.image_operations.put(
        operation_id, {"asked": 0, "created": resource.now(), "count": count, "size": size}
    )
    resource.ledger.add(
        Entry(
            request_id=request_id,
            operation=_OPERATION,
            deployment=deployment.name,
            model=deployment.model,
            status_code=202,
            region=resource.config.region,
            used=Used(images=count),
            response_id=operation_id,
            client_request_id=request.headers.get("x-ms-client-request-id"),
        )
    )
    headers = resource_headers(resource, request, request_id)
    place = request.url.replace(path=f"/openai/operations/images/{operation_id}")
    headers["operation-location"] = str(place)
    headers["retry-after"] = "1"
    payload = {"id": operation_id, "status": STATUSES[0]}
    return JSONResponse(payload, 202, headers)


def _body(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict) or not body.get("prompt"):
        raise errors.bad_request("Missing required parameter: 'prompt'.", "prompt")
    return body


def _deployment(resource: SimulatedResource) -> Deployment:
    """The path names no deployment; the first one of DALL-E 2 is meant."""
    found = (one for one in resource.config.deployments if one.model == "dall-e-2")
    deployment = next(found, None)
    if deployment is None:
        raise errors.deployment_not_found()
    return deployment


def get(resource: SimulatedResource, request: Request, request_id: str) -> Response:
    """How far an operation is: it moves on each time it is asked for.

    Raises:
        AzureError: 404.
    """
    operation_id = request.path_params["operation_id"]
    operation = resource.image_operations.get(operation_id)
    if operation is None:
        raise errors.item_not_found("Operation", operation_id)
    operation["asked"] += 1
    status = STATUSES[min(operation["asked"] - 1, len(STATUSES) - 1)]
    payload: dict[str, Any] = {
        "id": operation_id,
        "created": operation["created"],
        "expires": operation["created"] + _KEPT_SECONDS,
        "status": status,
    }
    headers = resource_headers(resource, request, request_id)
    if status == "succeeded":
        operation.setdefault("data", _data(operation))
        payload["result"] = {"created": operation["created"], "data": operation["data"]}
    else:
        headers["retry-after"] = "1"
    return JSONResponse(payload, headers=headers)


def _data(operation: dict[str, Any]) -> list[dict[str, str]]:
    return [
        {"url": f"https://images.example/{new_id('')}/{operation['size']}.png"}
        for _ in range(operation["count"])
    ]


def delete(resource: SimulatedResource, request: Request, request_id: str) -> Response:
    """Forget an operation and its images.

    Raises:
        AzureError: 404.
    """
    operation_id = request.path_params["operation_id"]
    if not resource.image_operations.remove(operation_id):
        raise errors.item_not_found("Operation", operation_id)
    return Response(status_code=204, headers=resource_headers(resource, request, request_id))
