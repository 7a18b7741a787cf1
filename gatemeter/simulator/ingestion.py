"""Ingestion jobs of "on your data": create, look at, list; free of token usage themselves."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from gatemeter.simulator import errors
from gatemeter.simulator.call import resource_headers

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from gatemeter.simulator.resource import SimulatedResource

_SECRETS = ("key", "connectionString")


async def create(resource: SimulatedResource, request: Request, request_id: str) -> Response:
    """Start a job under the caller's id.

    Raises:
        AzureError: 400 for a body that is none, 409 for an id that is taken.
    """
    job_id = request.path_params["job_id"]
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise errors.bad_request("Invalid request: the body must be a JSON object")
    if resource.ingestion_jobs.get(job_id) is not None:
        raise errors.AzureError(
            409, {"code": "JobAlreadyExists", "message": f"Job {job_id} exists already."}
        )
    job = {"asked": 0, "started": resource.now(), "body": _without_secrets(body)}
    resource.ingestion_jobs.put(job_id, job)
    headers = resource_headers(resource, request, request_id)
    headers["operation-location"] = str(request.url)
    return JSONResponse(_described(job_id, job), headers=headers)


def get(resource: SimulatedResource, request: Request, request_id: str) -> Response:
    """One job; it has succeeded when it is asked for a second time.

    Raises:
        AzureError: 404.
    """
    job_id, job = _job(resource, request)
    job["asked"] += 1
    return _json(resource, request, request_id, _described(job_id, job))


def list_jobs(resource: SimulatedResource, request: Request, request_id: str) -> Response:
    """Every job, as one page."""
    value = [_described(job_id, job) for job_id, job in resource.ingestion_jobs.items()]
    return _json(resource, request, request_id, {"value": value})


def list_runs(resource: SimulatedResource, request: Request, request_id: str) -> Response:
    """The runs of a job: one.

    Raises:
        AzureError: 404.
    """
    job_id, job = _job(resource, request)
    return _json(resource, request, request_id, {"value": [_run(job_id, job)]})


def get_run(resource: SimulatedResource, request: Request, request_id: str) -> Response:
    """One run of a job.

    Raises:
        AzureError: 404.
    """
    job_id, job = _job(resource, request)
    if request.path_params["run_id"] != _run_id(job_id):
        raise errors.item_not_found("Run", request.path_params["run_id"])
    job["asked"] += 1
    return _json(resource, request, request_id, _run(job_id, job))


def _job(resource: SimulatedResource, request: Request) -> tuple[str, dict[str, Any]]:
    job_id = request.path_params["job_id"]
    job = resource.ingestion_jobs.get(job_id)
    if job is None:
        raise errors.item_not_found("Job", job_id)
    return job_id, job


def _json(
    resource: SimulatedResource, request: Request, request_id: str, payload: dict[str, Any]
) -> Response:
    return JSONResponse(payload, headers=resource_headers(resource, request, request_id))


def _status(job: dict[str, Any]) -> str:
    return "succeeded" if job["asked"] > 1 else "running"


def _described(job_id: str, job: dict[str, Any]) -> dict[str, Any]:
    done = _status(job) == "succeeded"
    progress = {
        "stepsCompleted": 4 if done else 1,
        "stepsTotal": 4,
        "currentStep": {"name": "indexing", "completionPercentage": 100 if done else 25},
    }
    names = {"id": job_id, "jobId": job_id}
    state = {"status": _status(job), "progress": progress, "warnings": []}
    return {**job["body"], **names, **state}


def _run_id(job_id: str) -> str:
    return f"{job_id}-run-1"


def _run(job_id: str, job: dict[str, Any]) -> dict[str, Any]:
    started = datetime.fromtimestamp(job["started"], UTC).isoformat().replace("+00:00", "Z")
    return {"jobId": job_id, "runId": _run_id(job_id), "startTime": started, "status": _status(job)}


def _without_secrets(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The body as it is given back: connection strings and keys are left out."""
    if isinstance(value, dict):
        return {
            name: _without_secrets(part) for name, part in value.items() if name not in _SECRETS
        }
    if isinstance(value, list):
        return [_without_secrets(part) for part in value]
    return value
