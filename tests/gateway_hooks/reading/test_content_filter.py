"""Content filter annotations: every shape, one result, no content."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_hooks.event import ContentFilter
from gateway_hooks.reading.content_filter import FilterFindings, prompt_shield, worst_of

SAFE = {"filtered": False, "severity": "safe"}


def prompt(results: object, key: str = "content_filter_results") -> Any:
    """What is found in annotations of a prompt."""
    findings = FilterFindings()
    findings.add_prompt({key: results})
    return (findings.found() or {}).get("prompt", {})


@pytest.mark.parametrize("key", ["content_filter_results", "content_filter_result"])
def test_both_names(key: str) -> None:
    """The specification and the wire name the field differently."""
    assert prompt({"hate": SAFE}, key) == {"hate": SAFE}


def test_categories_are_spelled_one_way() -> None:
    """`self-harm` and `self_harm` are one category."""
    assert prompt({"self-harm": SAFE, "Sexual": SAFE}) == {"self_harm": SAFE, "sexual": SAFE}


@pytest.mark.parametrize(
    ("entry", "result"),
    [
        ([{"filtered": False, "id": "a"}, {"filtered": True, "id": "b"}], {"filtered": True}),
        ({"filtered": True, "details": [{"filtered": True, "id": "b"}]}, {"filtered": True}),
        ([{"filtered": False, "id": "a"}], {"filtered": False}),
    ],
)
def test_block_lists(entry: object, result: object) -> None:
    """A list on the wire, an object in the specification; the lists' names are not kept."""
    assert prompt({"custom_blocklists": entry}) == {"custom_blocklists": result}


def test_citations_are_not_kept() -> None:
    """Protected material names a source; only the verdict is taken."""
    entry = {
        "filtered": False,
        "detected": True,
        "citation": {"URL": "https://x", "license": "MIT"},
    }
    assert prompt({"protected_material_code": entry}) == {
        "protected_material_code": {"filtered": False, "detected": True}
    }


@pytest.mark.parametrize(
    "results",
    [
        None,
        [],
        "safe",
        {"hate": None},
        {"hate": "safe"},
        {"hate": []},
        {"custom_blocklists": []},
        {"hate": {"filtered": "no", "severity": "unheard-of"}},
        {"external_safety_provider": {"results": [{"name": "x", "filtered": True}]}},
        {"error": {"code": "content_filter_error", "message": "The contents are not filtered"}},
        {"a category with a sentence in it": SAFE},
    ],
)
def test_what_is_not_understood_is_left_out(results: object) -> None:
    """Nested providers, errors and garbage raise nothing and leave nothing."""
    assert prompt(results) == {}


@pytest.mark.parametrize("holder", [None, [], "x", {}, {"content_filter_results": None}])
def test_nothing_annotated(holder: object) -> None:
    """Without annotations there is no content filter in the event."""
    findings = FilterFindings()
    findings.add_prompt(holder)
    findings.add_completion(holder)
    assert findings.found() is None


def test_the_worst_of_each_category_is_kept() -> None:
    """A stream annotates chunk by chunk; a late finding is not overwritten by a safe one."""
    findings = FilterFindings()
    for severity, filtered in (("safe", False), ("medium", True), ("low", False)):
        findings.add_completion(
            {"content_filter_results": {"hate": {"filtered": filtered, "severity": severity}}}
        )
    findings.add_completion({"content_filter_results": {"jailbreak": {"detected": True}}})
    findings.add_completion({"content_filter_results": {"jailbreak": {"detected": False}}})
    assert findings.found() == {
        "completion": {
            "hate": {"filtered": True, "severity": "medium"},
            "jailbreak": {"detected": True},
        }
    }


def test_categories_are_bounded() -> None:
    """A backend that invents categories cannot make an endless event."""
    assert len(prompt({f"category{number}": SAFE for number in range(1000)})) == 64


@pytest.mark.parametrize(
    ("found", "attacked"),
    [
        (None, None),
        ({"prompt": {"hate": SAFE}}, None),
        ({"prompt": {"jailbreak": {"filtered": False, "detected": False}}}, False),
        ({"prompt": {"jailbreak": {"filtered": True, "detected": True}}}, True),
        ({"prompt": {"jailbreak": {"filtered": True}}}, True),
        (
            {"prompt": {"jailbreak": {"detected": False}, "indirect_attack": {"detected": True}}},
            True,
        ),
    ],
)
def test_prompt_shield(found: ContentFilter | None, attacked: bool | None) -> None:  # noqa: FBT001
    """An attack is told from a clean prompt, and a clean prompt from one nobody looked at."""
    assert prompt_shield(found) is attacked


def test_two_filters_are_added_up() -> None:
    """Of each category the worst, prompt and completion apart."""
    low: ContentFilter = {"prompt": {"hate": {"filtered": False, "severity": "low"}}}
    safe: ContentFilter = {
        "prompt": {"hate": {"filtered": True, "severity": "safe"}},
        "completion": {"hate": {"severity": "safe"}},
    }
    assert worst_of(low, safe) == worst_of(safe, low)
    assert worst_of(low, safe) == {
        "prompt": {"hate": {"filtered": True, "severity": "low"}},
        "completion": {"hate": {"severity": "safe"}},
    }
    assert worst_of(None, low) == low
    assert worst_of(low, {}) == low
    assert worst_of(None, None) is None
