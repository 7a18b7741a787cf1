"""The content filter's annotations, on prompts and on answers, in Azure's wire form."""

from __future__ import annotations

from typing import Any

from gatemeter.simulator.config import (
    BLOCKED_ANSWER,
    BLOCKED_PROMPT,
    HARMFUL_ANSWER,
    JAILBREAK_PROMPT,
)
from gatemeter.simulator.errors import content_filtered

SEVERITIES = ("hate", "self_harm", "sexual", "violence")


def check_prompt(text: str) -> None:
    """Refuse a prompt that holds one of the trigger words.

    Raises:
        AzureError: the content filter's 400.
    """
    if BLOCKED_PROMPT in text:
        raise content_filtered(prompt_results(violence="high"))
    if JAILBREAK_PROMPT in text:
        raise content_filtered(prompt_results(jailbreak=True))


def asks_blocked_answer(text: str) -> bool:
    """True when the answer to this prompt is to be cut off by the filter."""
    return BLOCKED_ANSWER in text


def asks_harmful_answer(text: str) -> bool:
    """True when the answer to this prompt is to hold what Content Safety finds."""
    return HARMFUL_ANSWER in text


def _severities(violence: str) -> dict[str, Any]:
    results: dict[str, Any] = {name: {"filtered": False, "severity": "safe"} for name in SEVERITIES}
    results["violence"] = {"filtered": violence in {"medium", "high"}, "severity": violence}
    return results


def prompt_results(*, violence: str = "safe", jailbreak: bool = False) -> dict[str, Any]:
    """Annotations of one prompt."""
    results = _severities(violence)
    results["jailbreak"] = {"filtered": jailbreak, "detected": jailbreak}
    results["profanity"] = {"filtered": False, "detected": False}
    return results


def answer_results(*, blocked: bool = False) -> dict[str, Any]:
    """Annotations of one choice."""
    results = _severities("medium" if blocked else "safe")
    results["protected_material_text"] = {"filtered": False, "detected": False}
    return results


def prompt_filter_results(count: int = 1) -> list[dict[str, Any]]:
    """The annotations beside a 200: one for each prompt."""
    return [
        {"prompt_index": index, "content_filter_results": prompt_results()}
        for index in range(count)
    ]
