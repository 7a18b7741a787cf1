"""DALL-E 2's submit-and-poll operations."""

from __future__ import annotations

import httpx

from gatemeter.simulator import RunningSimulator

VERSION = {"api-version": "2023-06-01-preview"}
SUBMIT = "/openai/images/generations:submit"


def test_an_operation_runs_through_its_states_and_can_be_deleted(
    simulator: RunningSimulator, http: httpx.Client
) -> None:
    """202 with a place to ask, then notRunning, running, succeeded; deleted it is gone."""
    submitted = http.post(SUBMIT, params=VERSION, json={"prompt": "a cat", "n": 2})
    assert submitted.status_code == 202
    assert submitted.json()["status"] == "notRunning"
    place = submitted.headers["operation-location"]
    answers = [http.get(place).json() for _ in range(3)]
    assert [answer["status"] for answer in answers] == ["notRunning", "running", "succeeded"]
    assert len(answers[-1]["result"]["data"]) == 2
    assert http.get(place).json() == answers[-1]
    (entry,) = simulator.ledger.entries(response_id=submitted.json()["id"])
    assert (entry.operation, entry.used.images) == ("image_generation", 2)
    assert http.delete(place).status_code == 204
    assert http.get(place).status_code == 404


def test_a_submission_without_prompt_is_refused(http: httpx.Client) -> None:
    """Nothing to draw is a 400."""
    assert http.post(SUBMIT, params=VERSION, json={}).status_code == 400


def test_a_submission_can_be_throttled(http: httpx.Client) -> None:
    """Operations meet rate limits like everything else."""
    refused = http.post(
        SUBMIT, params=VERSION, json={"prompt": "x"}, headers={"x-simulate": "429-calls"}
    )
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
