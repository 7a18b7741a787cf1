"""The questions to Content Safety as it wants them, and its answers as we read them.

An answer that leaves out what was asked is no answer: nothing passes because a field is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway_hooks.gateway.content_safety.assessment import Assessment
from gateway_hooks.gateway.content_safety.service import BadAnswer, Question
from gateway_hooks.reading import wire

if TYPE_CHECKING:
    from gateway_hooks.gateway.content_safety.pieces import ShieldQuestion
    from gateway_hooks.gateway.content_safety.settings import ContentSafetySettings

ANALYZE: Final = "text:analyze"
SHIELD: Final = "text:shieldPrompt"
_HIGHEST: Final = 7


class _Category(msgspec.Struct):
    category: str
    severity: int | None = None


class _Match(msgspec.Struct):
    blocklistName: str  # noqa: N815 - the service's spelling


class _Analysis(msgspec.Struct):
    categoriesAnalysis: list[_Category] | None = None  # noqa: N815 - the service's spelling
    blocklistsMatch: list[_Match] | None = None  # noqa: N815 - the service's spelling


class _Attack(msgspec.Struct):
    attackDetected: bool  # noqa: N815 - the service's spelling


class _Shield(msgspec.Struct):
    userPromptAnalysis: _Attack | None = None  # noqa: N815 - the service's spelling
    documentsAnalysis: list[_Attack] | None = None  # noqa: N815 - the service's spelling


_analysis: Final = msgspec.json.Decoder(_Analysis)
_shield: Final = msgspec.json.Decoder(_Shield)


def analyze_question(text: str, settings: ContentSafetySettings) -> Question[Assessment]:
    """A question for `text:analyze`."""
    question: dict[str, Any] = {
        "text": text,
        "categories": list(settings.categories),
        "outputType": settings.output_type,
    }
    if not settings.categories:
        del question["categories"]  # an empty list is none that the service takes
    if settings.blocklists:
        question["blocklistNames"] = list(settings.blocklists)
        question["haltOnBlocklistHit"] = settings.halt_on_blocklist
    return Question(msgspec.json.encode(question), lambda answer: read_analysis(answer, settings))


def read_analysis(answer: bytes, settings: ContentSafetySettings) -> Assessment:
    """What `text:analyze` said.

    Raises:
        BadAnswer: a category that was asked for is not in it.
    """
    found = wire.decode_strictly(answer, _analysis)
    if found is None:
        raise BadAnswer
    assessment = Assessment(
        severities={
            one.category: min(max(one.severity, 0), _HIGHEST)
            for one in found.categoriesAnalysis or ()
            if one.severity is not None and one.category in settings.categories
        },
        blocklists={match.blocklistName for match in found.blocklistsMatch or ()},
    )
    halted = settings.halt_on_blocklist and assessment.blocklists
    if not halted and assessment.severities.keys() != settings.categories.keys():
        raise BadAnswer
    if not settings.categories and found.categoriesAnalysis is None:
        raise BadAnswer
    return assessment


def shield_question(question: ShieldQuestion) -> Question[Assessment]:
    """A question for `text:shieldPrompt`."""
    body: dict[str, Any] = {"documents": question.documents}
    if question.user_prompt is not None:
        body["userPrompt"] = question.user_prompt
    return Question(msgspec.json.encode(body), lambda answer: read_shield(answer, question))


def read_shield(answer: bytes, question: ShieldQuestion) -> Assessment:
    """What `text:shieldPrompt` said.

    Raises:
        BadAnswer: it does not say something of each text.
    """
    found = wire.decode_strictly(answer, _shield)
    if found is None:
        raise BadAnswer
    documents = found.documentsAnalysis or []
    if len(documents) != len(question.documents):
        raise BadAnswer
    assessment = Assessment()
    if question.user_prompt is not None:
        if found.userPromptAnalysis is None:
            raise BadAnswer
        assessment.jailbreak = found.userPromptAnalysis.attackDetected
    if documents:
        assessment.indirect_attack = any(one.attackDetected for one in documents)
    return assessment
