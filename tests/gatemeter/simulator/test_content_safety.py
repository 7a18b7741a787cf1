"""The simulator as Azure AI Content Safety."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from gatemeter.simulator import SimulatorConfig, running

ANALYZE = "text:analyze"
SHIELD = "text:shieldPrompt"
CONFIG = SimulatorConfig(keys=frozenset({"k"}), blocklists={"colours": ("Mauve", "teal")})


@pytest.fixture(scope="module")
def url() -> Any:
    """A resource with one key and one block list."""
    with running(CONFIG) as simulator:
        yield simulator.url


def ask(url: str, operation: str, body: Any, **headers: str) -> httpx.Response:
    """One request with the resource's key."""
    return httpx.post(
        f"{url}/contentsafety/{operation}?api-version=2024-09-01",
        json=body,
        headers={"Ocp-Apim-Subscription-Key": "k", **headers},
        timeout=20,
    )


def severities(response: httpx.Response) -> dict[str, int]:
    """By category."""
    return {one["category"]: one["severity"] for one in response.json()["categoriesAnalysis"]}


@pytest.mark.parametrize(
    ("output_type", "hate"), [("FourSeverityLevels", 2), ("EightSeverityLevels", 3)]
)
def test_severities_come_from_the_words(url: str, output_type: str, hate: int) -> None:
    """The worst of each category; four levels are the even ones."""
    text = "simulate-hate-1 simulate-hate-3 simulate-blocked-prompt"
    found = severities(ask(url, ANALYZE, {"text": text, "outputType": output_type}))
    assert found == {"Hate": hate, "SelfHarm": 0, "Sexual": 0, "Violence": 6}


def test_only_wanted_categories_are_analysed(url: str) -> None:
    """A caller pays for what it asks."""
    body = {"text": "simulate-sexual-4", "categories": ["Sexual"]}
    assert severities(ask(url, ANALYZE, body)) == {"Sexual": 4}


@pytest.mark.parametrize(("halt", "categories"), [(True, 0), (False, 4)])
def test_block_lists_match_in_any_case(url: str, categories: int, *, halt: bool) -> None:
    """A hit names list and word; told to halt, the categories are not looked at."""
    body = {"text": "MAUVE", "blocklistNames": ["colours"], "haltOnBlocklistHit": halt}
    answer = ask(url, ANALYZE, body).json()
    (match,) = answer["blocklistsMatch"]
    assert (match["blocklistName"], match["blocklistItemText"]) == ("colours", "Mauve")
    assert len(answer["categoriesAnalysis"]) == categories


def test_attacks_are_found_in_the_prompt_and_in_each_document(url: str) -> None:
    """Documents keep their order."""
    body = {"userPrompt": "hello", "documents": ["fine", "simulate-jailbreak"]}
    assert ask(url, SHIELD, body).json() == {
        "userPromptAnalysis": {"attackDetected": False},
        "documentsAnalysis": [{"attackDetected": False}, {"attackDetected": True}],
    }


@pytest.mark.parametrize(
    ("operation", "body", "target"),
    [
        (ANALYZE, {"text": "a" * 10_001}, "text"),
        (ANALYZE, {}, "text"),
        (ANALYZE, {"text": "a", "categories": ["Rude"]}, "categories"),
        (ANALYZE, {"text": "a", "outputType": "NineLevels"}, "outputType"),
        (SHIELD, {"userPrompt": "a" * 10_001}, "userPrompt"),
        (SHIELD, {"documents": ["a"] * 6}, "documents"),
        (SHIELD, {"documents": ["a" * 5001] * 2}, "documents"),
        (SHIELD, {}, "userPrompt"),
    ],
)
def test_what_is_beyond_the_limits_is_refused(
    url: str, operation: str, body: Any, target: str
) -> None:
    """400 InvalidRequestBody names the field."""
    response = ask(url, operation, body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["target"]) == ("InvalidRequestBody", target)


def test_the_most_that_is_allowed_is_taken(url: str) -> None:
    """The limits count code points, not bytes."""
    assert ask(url, ANALYZE, {"text": "ä" * 10_000}).status_code == 200
    assert ask(url, SHIELD, {"documents": ["a" * 2000] * 5}).status_code == 200


def test_a_key_is_needed(url: str) -> None:
    """Models' api-key is none of Content Safety's."""
    body = {"text": "a"}
    wrong = httpx.post(f"{url}/contentsafety/{ANALYZE}?api-version=x", json=body)
    assert wrong.status_code == 401
    bearer = {"Ocp-Apim-Subscription-Key": "", "Authorization": "Bearer k"}
    assert ask(url, ANALYZE, body, **bearer).status_code == 200


def test_an_unknown_block_list_is_not_found(url: str) -> None:
    """A misspelled list is an error and no silent pass."""
    body = {"text": "a", "blocklistNames": ["colors"]}
    assert ask(url, ANALYZE, body).status_code == 404


@pytest.mark.parametrize(("fault", "status"), [("429-calls", 429), ("503", 503), ("html-502", 502)])
def test_faults_are_those_of_the_other_endpoints(url: str, fault: str, status: int) -> None:
    """By header or by probability."""
    response = ask(url, ANALYZE, {"text": "a"}, **{"x-simulate": fault})
    assert response.status_code == status
    assert ("retry-after" in response.headers) == (status == 429)
