"""Content filter annotations in all the shapes backends send, merged into one small one.

The specification says `content_filter_results` and `inner_error`, the wire also says
`content_filter_result` and `innererror`; categories are spelled `self_harm` and `self-harm`; block
lists are an array or an object; providers outside Azure nest. Only the category, what was done
about it and how severe it was are taken: no text, no citation, no name of a block list.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final, Literal

from gateway_hooks.reading import wire

if TYPE_CHECKING:
    from gateway_hooks.event import ContentFilter, FilterResult

_SEVERITIES: Final[dict[str, Literal["safe", "low", "medium", "high"]]] = {
    "safe": "safe",
    "low": "low",
    "medium": "medium",
    "high": "high",
}
_BY_SEVERITY: Final = list(_SEVERITIES)
_ATTACKS: Final = ("jailbreak", "indirect_attack")
_MAX_CATEGORIES: Final = 64
_RESULTS: Final = ("content_filter_results", "content_filter_result")


class FilterFindings:
    """Collects annotations while an answer is read; of each category the worst is kept."""

    __slots__ = ("_completion", "_last", "_prompt")

    def __init__(self) -> None:
        self._prompt: dict[str, FilterResult] = {}
        self._completion: dict[str, FilterResult] = {}
        self._last: object = None

    def add_prompt(self, holder: object) -> None:
        """Take what an object (an entry of `prompt_filter_results`, an inner error) holds."""
        _merge(self._prompt, results_of(holder))

    def add_completion(self, holder: object) -> None:
        """Take what a choice or an image holds. Streams repeat it chunk by chunk."""
        results = results_of(holder)
        if results != self._last:
            self._last = results
            _merge(self._completion, results)

    def found(self) -> ContentFilter | None:
        """All of it, or None when the answer had no annotation."""
        found: ContentFilter = {}
        if self._prompt:
            found["prompt"] = self._prompt
        if self._completion:
            found["completion"] = self._completion
        return found or None


def worst_of(one: ContentFilter | None, other: ContentFilter | None) -> ContentFilter | None:
    """What two filters found, of each category the worst."""
    if not one or not other:
        return one or other
    findings = FilterFindings()
    for found in (one, other):
        findings.add_prompt({_RESULTS[0]: found.get("prompt")})
        findings.add_completion({_RESULTS[0]: found.get("completion")})
    return findings.found()


def prompt_shield(found: ContentFilter | None) -> bool | None:
    """Whether an attack on the prompt was detected; None when nobody looked for one."""
    if found is None:
        return None
    verdicts = [
        results[attack].get("detected", False) or results[attack].get("filtered", False)
        for results in (found.get("prompt", {}), found.get("completion", {}))
        for attack in _ATTACKS
        if attack in results
    ]
    return any(verdicts) if verdicts else None


def results_of(holder: object) -> dict[Any, Any]:
    """The annotations in an object, under either of their names."""
    if isinstance(holder, dict):
        for key in _RESULTS:
            results = holder.get(key)
            if isinstance(results, dict):
                return results
    return {}


def _merge(into: dict[str, FilterResult], results: dict[Any, Any]) -> None:
    for key, entry in results.items():
        category = _category(key)
        result = _result(entry)
        if category is None or not result:
            continue
        known = into.get(category)
        if known is not None:
            into[category] = _worst(known, result)
        elif len(into) < _MAX_CATEGORIES:
            into[category] = result


@functools.lru_cache(maxsize=256)
def _category(key: str) -> str | None:
    return wire.code(key.lower().replace("-", "_"))


def _result(entry: object) -> FilterResult:
    """One category's annotation; empty when it holds none that is understood."""
    result: FilterResult = {}
    if isinstance(entry, dict):
        filtered = entry.get("filtered")
        if isinstance(filtered, bool):
            result["filtered"] = filtered
        detected = entry.get("detected")
        if isinstance(detected, bool):
            result["detected"] = detected
        severity = entry.get("severity")
        if isinstance(severity, str) and severity in _SEVERITIES:
            result["severity"] = _SEVERITIES[severity]
    elif isinstance(entry, list):
        for part in entry:
            if isinstance(part, dict):
                result = _worst(result, _result(part))
    return result


def _worst(one: FilterResult, other: FilterResult) -> FilterResult:
    worst: FilterResult = {**one, **other}
    if one.get("filtered"):
        worst["filtered"] = True
    if one.get("detected"):
        worst["detected"] = True
    if "severity" in one and "severity" in other:
        worst["severity"] = max(one["severity"], other["severity"], key=_BY_SEVERITY.index)
    return worst
