"""The simulated resource as an ASGI application: paths, admission, refusals."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gatemeter.simulator import (
    audio,
    chat,
    completions,
    content_safety,
    embeddings,
    errors,
    faults,
    image_operations,
    images,
    ingestion,
    models,
    on_your_data,
    realtime,
    responses,
)
from gatemeter.simulator.broken_answers import broken_answer
from gatemeter.simulator.call import (
    V1,
    Call,
    answer_rng,
    authenticate,
    check_limits,
    find_deployment,
    read_body,
    resource_headers,
)
from gatemeter.simulator.config import SimulatorConfig
from gatemeter.simulator.resource import SimulatedResource

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    Operation = Callable[[Call], Awaitable[Response]]
    Lookup = Callable[[SimulatedResource, Request, str], Response | Awaitable[Response]]

# path below the deployment or below /openai/v1, operation's name, handler
GENERATIONS: Final[tuple[tuple[str, str, Operation], ...]] = (
    ("chat/completions", "chat", chat.answer),
    ("completions", "text_completion", completions.answer),
    ("embeddings", "embeddings", embeddings.answer),
    ("images/generations", "image_generation", images.generate),
    ("images/edits", "image_edit", images.edit),
    ("audio/transcriptions", "transcription", audio.transcribe),
    ("audio/translations", "translation", audio.translate),
    ("audio/speech", "speech", audio.speak),
)


def build_app(resource: SimulatedResource | SimulatorConfig | None = None) -> Starlette:
    """The application for a resource; `app.state.resource` gives tests its ledger."""
    if not isinstance(resource, SimulatedResource):
        resource = SimulatedResource(resource or SimulatorConfig())
    app = Starlette(
        routes=[*_generation_routes(), *_stored_routes(), *_own_routes(), *realtime.routes()]
    )
    app.state.resource = resource
    app.add_exception_handler(404, _not_found)
    app.add_exception_handler(405, _not_found)
    return app


def _generation_routes() -> list[Route]:
    routes = [
        _post(f"{prefix}/{path}", operation, handler)
        for path, operation, handler in GENERATIONS
        for prefix in ("/openai/deployments/{deployment}", "/openai/v1")
    ]
    routes.append(
        _post(
            "/openai/deployments/{deployment}/extensions/chat/completions",
            "on_your_data",
            on_your_data.answer,
        )
    )
    routes += [_post(f"{root}/responses", "responses", responses.create) for root in _ROOTS]
    return routes


_ROOTS: Final = ("/openai", "/openai/v1")


def _stored_routes() -> list[Route]:
    routes = [
        _route("/openai/images/generations:submit", "POST", image_operations.submit),
        _route("/openai/operations/images/{operation_id}", "GET", image_operations.get),
        _route("/openai/operations/images/{operation_id}", "DELETE", image_operations.delete),
    ]
    for root in _ROOTS:
        routes += [
            _route(f"{root}/responses/{{response_id}}", "GET", responses.get),
            _route(f"{root}/responses/{{response_id}}", "DELETE", responses.delete),
            _route(f"{root}/responses/{{response_id}}/input_items", "GET", responses.input_items),
            _route(f"{root}/models", "GET", models.list_models),
            _route(f"{root}/models/{{model_id}}", "GET", models.get_model),
        ]
    for root in ("/openai/ingestion/jobs", "/openai/extensions/on-your-data/ingestion-jobs"):
        routes += [
            _route(root, "GET", ingestion.list_jobs),
            _route(f"{root}/{{job_id}}", "PUT", ingestion.create),
            _route(f"{root}/{{job_id}}", "GET", ingestion.get),
            _route(f"{root}/{{job_id}}/runs", "GET", ingestion.list_runs),
            _route(f"{root}/{{job_id}}/runs/{{run_id}}", "GET", ingestion.get_run),
        ]
    return routes


def _own_routes() -> list[Route]:
    return [
        Route(content_safety.ANALYZE, content_safety.analyze, methods=["POST"]),
        Route(content_safety.SHIELD, content_safety.shield, methods=["POST"]),
        Route("/_simulator/ledger", _ledger, methods=["GET", "DELETE"]),
        Route("/_simulator/health", _health, methods=["GET"]),
    ]


def _post(path: str, operation: str, handler: Operation) -> Route:
    async def endpoint(request: Request) -> Response:
        resource: SimulatedResource = request.app.state.resource
        request_id = str(uuid.uuid4())
        try:
            call = await _admit(resource, request, operation, request_id)
        except errors.AzureError as error:
            return _refusal(error, resource_headers(resource, request, request_id))
        try:
            check_limits(call)
            return await _answer(call, handler)
        except errors.AzureError as error:
            return _refusal(error, call.headers())
        finally:
            await request.close()  # uploads lie in temporary files

    return Route(path, endpoint, methods=["POST"])


async def _answer(call: Call, handler: Operation) -> Response:
    return broken_answer(call.fault) or await handler(call)


async def _admit(
    resource: SimulatedResource, request: Request, operation: str, request_id: str
) -> Call:
    authenticate(resource, request)
    api_version = _api_version(request)
    named = request.path_params.get("deployment")
    if named is not None:
        deployment = find_deployment(resource, named)
        body, form = await read_body(request)
    else:
        body, form = await read_body(request)
        deployment = find_deployment(resource, body.get("model") or form.get("model"))
    raw = b"" if form else await request.body()
    fault = faults.choose(
        request.headers.get(faults.HEADER), resource.config.failures, resource.fault_rng
    )
    return Call(
        resource=resource,
        request=request,
        operation=operation,
        deployment=deployment,
        api_version=api_version,
        body=body,
        form=form,
        fault=fault,
        request_id=request_id,
        rng=answer_rng(resource.config.seed, deployment.name, raw),
        request_bytes=len(raw),
    )


def _api_version(request: Request) -> str:
    """The query's api-version; the v1 paths need none.

    Raises:
        AzureError: 404, which is what Azure says to a missing api-version.
    """
    api_version = request.query_params.get("api-version")
    if request.url.path.startswith("/openai/v1/"):
        return api_version or V1
    if not api_version:
        raise errors.not_found()
    return api_version


def _route(path: str, method: str, handler: Lookup) -> Route:
    async def endpoint(request: Request) -> Response:
        resource: SimulatedResource = request.app.state.resource
        request_id = str(uuid.uuid4())
        try:
            authenticate(resource, request)
            _api_version(request)
            answered = handler(resource, request, request_id)
            return answered if isinstance(answered, Response) else await answered
        except errors.AzureError as error:
            return _refusal(error, resource_headers(resource, request, request_id))

    return Route(path, endpoint, methods=[method])


def _refusal(error: errors.AzureError, headers: dict[str, str]) -> Response:
    return JSONResponse(error.body, error.status_code, headers | error.headers)


async def _not_found(request: Request, _: Exception) -> Response:
    headers = resource_headers(request.app.state.resource, request, str(uuid.uuid4()))
    return _refusal(errors.not_found(), headers)


async def _ledger(request: Request) -> Response:
    """GET: totals by operation and every line, or the lines of one request; DELETE: forget all."""
    ledger = request.app.state.resource.ledger
    if request.method == "DELETE":
        ledger.clear()
        return Response(status_code=204)
    wanted = {
        name: value
        for name, value in request.query_params.items()
        if name in {"request_id", "client_request_id", "response_id", "operation"}
    }
    entries = [entry.as_dict() for entry in ledger.entries(**wanted)]
    return JSONResponse({"totals": ledger.totals(), "entries": entries})


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})
