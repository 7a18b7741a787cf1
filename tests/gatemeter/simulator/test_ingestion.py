"""Ingestion jobs of the simulator."""

from __future__ import annotations

import uuid

import httpx
import pytest

BODY = {
    "kind": "SystemCompute",
    "searchServiceConnection": {
        "kind": "EndpointWithKey",
        "endpoint": "https://search.example",
        "key": "search-secret",
    },
    "datasource": {
        "kind": "Storage",
        "connection": {"kind": "ConnectionString", "connectionString": "storage-secret"},
        "containerName": "handbook",
    },
}


@pytest.mark.parametrize(
    "root", ["/openai/ingestion/jobs", "/openai/extensions/on-your-data/ingestion-jobs"]
)
def test_a_job_is_created_watched_and_listed(http: httpx.Client, root: str) -> None:
    """PUT starts it, GET sees it run and succeed, the list has it, secrets never come back."""
    job_id = str(uuid.uuid4())
    created = http.put(f"{root}/{job_id}", json=BODY)
    assert created.status_code == 200
    assert created.json()["jobId"] == job_id
    assert created.headers["operation-location"].split("?")[0].endswith(f"/{job_id}")
    states = [http.get(f"{root}/{job_id}").json()["status"] for _ in range(2)]
    assert states == ["running", "succeeded"]
    listed = http.get(root).json()["value"]
    assert job_id in {job["jobId"] for job in listed}
    assert "secret" not in created.text + http.get(root).text
    (run,) = http.get(f"{root}/{job_id}/runs").json()["value"]
    assert http.get(f"{root}/{job_id}/runs/{run['runId']}").json()["status"] == "succeeded"


def test_unknown_jobs_runs_and_taken_ids(http: httpx.Client) -> None:
    """404 for what is not there, 409 for an id that is taken, 400 for a body that is none."""
    root = "/openai/ingestion/jobs"
    job_id = str(uuid.uuid4())
    assert http.get(f"{root}/{job_id}").status_code == 404
    assert http.put(f"{root}/{job_id}", content=b"[").status_code == 400
    assert http.put(f"{root}/{job_id}", json=BODY).status_code == 200
    assert http.put(f"{root}/{job_id}", json=BODY).status_code == 409
    assert http.get(f"{root}/{job_id}/runs/other").status_code == 404
