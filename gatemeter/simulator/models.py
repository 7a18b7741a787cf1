"""GET models: what the resource could deploy (Azure's path) or has deployed (the v1 path)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from gatemeter.simulator import errors
from gatemeter.simulator.call import resource_headers

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from gatemeter.simulator.resource import SimulatedResource


def list_models(resource: SimulatedResource, request: Request, request_id: str) -> Response:
    """Every model."""
    names = sorted({one.model for one in resource.config.deployments})
    payload = {"object": "list", "data": [_model(resource, name) for name in names]}
    return JSONResponse(payload, headers=resource_headers(resource, request, request_id))


def get_model(resource: SimulatedResource, request: Request, request_id: str) -> Response:
    """One model.

    Raises:
        AzureError: 404.
    """
    name = request.path_params["model_id"]
    if name not in {one.model for one in resource.config.deployments}:
        raise errors.item_not_found("Model", name)
    headers = resource_headers(resource, request, request_id)
    return JSONResponse(_model(resource, name), headers=headers)


def _model(resource: SimulatedResource, name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": resource.now(),
        "owned_by": "azure-openai",
        "status": "succeeded",
        "lifecycle_status": "generally-available",
        "capabilities": {
            "chat_completion": name.startswith(("gpt-", "o")) and "image" not in name,
            "completion": "instruct" in name,
            "embeddings": "embedding" in name,
            "fine_tune": False,
            "inference": True,
        },
    }
