"""What Content Safety said of some text, and what that means under the operator's settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_hooks.event import FilterResult
    from gateway_hooks.gateway.content_safety.settings import ContentSafetySettings

Failure = Literal[
    "timeout",
    "unreachable",
    "throttled",
    "refused",
    "server_error",
    "bad_answer",
    "resting",
    "too_long",
    "unreadable",
]
"""Why something could not be checked. `refused`: the service does not accept the question, so the
settings or the key are wrong. `resting`: it failed just before and was not asked."""

_NAMES: Final[dict[str, str]] = {
    "Hate": "hate",
    "SelfHarm": "self_harm",
    "Sexual": "sexual",
    "Violence": "violence",
}
"""Azure OpenAI's annotations spell categories in this way."""
_WORDS: Final[tuple[Literal["safe", "low", "medium", "high"], ...]] = (
    "safe",
    "low",
    "medium",
    "high",
)


@dataclass(slots=True)
class Assessment:
    """All that was said of one request or of one piece of an answer."""

    severities: dict[str, int] = field(default_factory=dict)
    """The worst severity of each of the service's categories, 0 to 7."""
    blocklists: set[str] = field(default_factory=set)
    """Names of the block lists that were hit."""
    jailbreak: bool | None = None
    """An attack in the user's own text; None when nobody looked."""
    indirect_attack: bool | None = None
    """An attack in a document."""
    failure: Failure | None = None
    """Why a part of it could not be checked."""

    def add(self, other: Assessment) -> None:
        """Take what was said of another piece: of everything the worst."""
        for category, severity in other.severities.items():
            self.severities[category] = max(severity, self.severities.get(category, 0))
        self.blocklists |= other.blocklists
        self.jailbreak = _either(self.jailbreak, other.jailbreak)
        self.indirect_attack = _either(self.indirect_attack, other.indirect_attack)
        self.failure = self.failure or other.failure

    def blocked_for(self, settings: ContentSafetySettings) -> str | None:
        """Why the text is blocked: attack, block list or the gravest category; None: it is not."""
        if self.jailbreak:
            return "jailbreak"
        if self.indirect_attack:
            return "indirect_attack"
        if self.blocklists:
            return "blocklist"
        over = [
            (severity, _NAMES[category])
            for category, severity in self.severities.items()
            if self._is_over(category, settings)
        ]
        return max(over)[1] if over else None

    def unchecked_for(self, settings: ContentSafetySettings) -> Failure | None:
        """Why it is not known whether the text is fine; None when it is, or is known not to be."""
        return self.failure if self.blocked_for(settings) is None else None

    def results(self, settings: ContentSafetySettings) -> dict[str, Any]:
        """The annotations as Azure OpenAI writes them (`content_filter_result`)."""
        found: dict[str, Any] = {
            _NAMES[category]: {
                "filtered": self._is_over(category, settings),
                "severity": _WORDS[severity // 2],
            }
            for category, severity in self.severities.items()
        }
        for attack, detected in self._attacks():
            found[attack] = {"filtered": detected, "detected": detected}
        if self.blocklists:
            found["custom_blocklists"] = [
                {"filtered": True, "id": name} for name in sorted(self.blocklists)
            ]
        return found

    def noteworthy(self, settings: ContentSafetySettings) -> dict[str, FilterResult]:
        """What an event keeps of text that passed: severities above safe, the shield's word."""
        noted: dict[str, FilterResult] = {
            _NAMES[category]: {
                "filtered": self._is_over(category, settings),
                "severity": _WORDS[severity // 2],
            }
            for category, severity in self.severities.items()
            if severity // 2
        }
        for attack, detected in self._attacks():
            noted[attack] = {"filtered": detected, "detected": detected}
        return noted

    def _attacks(self) -> list[tuple[str, bool]]:
        looked = (("jailbreak", self.jailbreak), ("indirect_attack", self.indirect_attack))
        return [(attack, detected) for attack, detected in looked if detected is not None]

    def _is_over(self, category: str, settings: ContentSafetySettings) -> bool:
        thresholds: Mapping[Any, int] = settings.categories
        threshold = thresholds.get(category)
        return threshold is not None and self.severities[category] >= threshold


def failed(failure: Failure) -> Assessment:
    """Nothing is known, and why."""
    return Assessment(failure=failure)


def _either(one: bool | None, other: bool | None) -> bool | None:  # noqa: FBT001 - two of a kind
    if one is None or other is None:
        return other if one is None else one
    return one or other
