"""The handshake of realtime sessions: who may begin one, and where."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import WebSocketRoute

from gatemeter.simulator import connection, errors, faults
from gatemeter.simulator.call import answer_rng, display_region, find_deployment, resource_headers
from gatemeter.simulator.realtime_session import RealtimeSession
from gatemeter.simulator.realtime_words import PREVIEW, RELEASE

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from gatemeter.simulator.config import Deployment
    from gatemeter.simulator.realtime_words import Dialect
    from gatemeter.simulator.resource import SimulatedResource

_SUBPROTOCOL: Final = "realtime"
_KEY_PROTOCOL: Final = "openai-insecure-api-key."


def routes() -> list[WebSocketRoute]:
    """Both paths."""
    return [
        WebSocketRoute("/openai/realtime", _preview),
        WebSocketRoute("/openai/v1/realtime", _release),
    ]


async def _preview(websocket: WebSocket) -> None:
    await _serve(websocket, PREVIEW, "deployment")


async def _release(websocket: WebSocket) -> None:
    await _serve(websocket, RELEASE, "model")


async def _serve(websocket: WebSocket, dialect: Dialect, named_by: str) -> None:
    resource: SimulatedResource = websocket.app.state.resource
    request_id = str(uuid.uuid4())
    headers = resource_headers(resource, websocket, request_id)
    try:
        _authenticate(resource, websocket)
        query = websocket.query_params
        if not dialect.is_release and not query.get("api-version"):
            raise errors.not_found()
        deployment = find_deployment(resource, query.get(named_by))
        fault = faults.choose(
            websocket.headers.get(faults.HEADER), resource.config.failures, resource.fault_rng
        )
        _admit(resource, deployment, fault, query.get("api-version") or "v1")
    except errors.AzureError as error:
        answer = JSONResponse(error.body, error.status_code, headers | error.headers)
        await websocket.send_denial_response(answer)
        return
    if fault in {"reset", "hang", "html-502"}:
        await _fail(websocket, fault)
        return
    offered = websocket.scope.get("subprotocols", [])
    headers["x-ms-region"] = display_region(deployment.region or resource.config.region)
    headers["x-ms-deployment-name"] = deployment.name
    await websocket.accept(
        subprotocol=_SUBPROTOCOL if _SUBPROTOCOL in offered else None,
        headers=[(name.encode(), value.encode()) for name, value in headers.items()],
    )
    session = RealtimeSession(
        websocket,
        resource,
        deployment,
        dialect,
        request_id=request_id,
        fault=fault,
        rng=answer_rng(resource.config.seed, deployment.name, b"realtime"),
    )
    await session.run()


def _authenticate(resource: SimulatedResource, websocket: WebSocket) -> None:
    """Check the key of header, query or subprotocol, or the bearer token.

    Raises:
        AzureError: 401.
    """
    scheme, _, token = websocket.headers.get("authorization", "").partition(" ")
    offered = [
        one.removeprefix(_KEY_PROTOCOL)
        for one in websocket.scope.get("subprotocols", [])
        if one.startswith(_KEY_PROTOCOL)
    ]
    key = (
        websocket.headers.get("api-key")
        or websocket.query_params.get("api-key")
        or (token.strip() if scheme.lower() == "bearer" else "")
        or next(iter(offered), "")
    )
    if not key or (resource.config.keys and key not in resource.config.keys):
        raise errors.unauthorized()


def _admit(
    resource: SimulatedResource, deployment: Deployment, fault: str | None, api_version: str
) -> None:
    """Let a session begin.

    Raises:
        AzureError: 429, 500 or 503.
    """
    faults.refuse(fault, "realtime", api_version)
    refusal = resource.limiters[deployment.name].admit(0)
    if refusal is not None:
        raise errors.throttled(refusal, "realtime", api_version)


async def _fail(websocket: WebSocket, fault: str) -> None:
    if fault == "html-502":
        await websocket.send_denial_response(HTMLResponse("<html>502 Bad Gateway</html>", 502))
        return
    if fault == "reset":
        connection.abort(websocket.scope)
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
