"""Azure AI Content Safety beside the models: `text:analyze` and `text:shieldPrompt`.

What is found depends on words in the text alone:

simulate-blocked-prompt       violence of severity 6, as the models' own content filter takes it
simulate-<category>-<0..7>    that severity of hate, selfharm, sexual or violence
simulate-jailbreak            an attack, in the prompt or in a document
words of a block list         a match, in any case of the letters
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse, Response

from gatemeter.simulator import errors, faults
from gatemeter.simulator.answers import WholeAnswer, compact
from gatemeter.simulator.broken_answers import broken_answer
from gatemeter.simulator.call import authenticate_safety, read_body, resource_headers
from gatemeter.simulator.config import BLOCKED_PROMPT, JAILBREAK_PROMPT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from starlette.requests import Request

    from gatemeter.simulator.resource import SimulatedResource

ANALYZE: Final = "/contentsafety/text:analyze"
SHIELD: Final = "/contentsafety/text:shieldPrompt"
CATEGORIES: Final = ("Hate", "SelfHarm", "Sexual", "Violence")
MOST_CHARACTERS: Final = 10_000
MOST_DOCUMENTS: Final = 5
_OUTPUT_TYPES: Final = ("FourSeverityLevels", "EightSeverityLevels")
_TRIGGER = re.compile(r"simulate-(hate|selfharm|sexual|violence)-([0-7])")
_HIGH: Final = 6
_SLOW_SECONDS: Final = 0.5


async def analyze(request: Request) -> Response:
    """POST text:analyze."""
    return await _serve(request, "text:analyze", _analysis)


async def shield(request: Request) -> Response:
    """POST text:shieldPrompt."""
    return await _serve(request, "text:shieldPrompt", _shielded)


async def _serve(
    request: Request,
    operation: str,
    answer: Callable[[SimulatedResource, Mapping[str, Any]], dict[str, Any]],
) -> Response:
    resource: SimulatedResource = request.app.state.resource
    headers = resource_headers(resource, request, str(uuid.uuid4()))
    try:
        authenticate_safety(resource, request)
        if not request.query_params.get("api-version"):
            raise errors.not_found()
        fault = faults.choose(
            request.headers.get(faults.HEADER), resource.config.failures, resource.fault_rng
        )
        faults.refuse(fault, operation, request.query_params["api-version"])
        body, _ = await read_body(request)
        payload = answer(resource, body)
    except errors.AzureError as error:
        return JSONResponse(error.body, error.status_code, headers | error.headers)
    seconds = _SLOW_SECONDS if fault == "slow" else 0.0
    return broken_answer(fault) or WholeAnswer(
        compact(payload),
        media_type="application/json",
        headers=headers,
        seconds=seconds,
        fault=fault,
    )


def _analysis(resource: SimulatedResource, body: Mapping[str, Any]) -> dict[str, Any]:
    text = _text(body.get("text"), "text")
    output_type = body.get("outputType") or _OUTPUT_TYPES[0]
    wanted = body.get("categories") or CATEGORIES
    if output_type not in _OUTPUT_TYPES:
        raise errors.invalid_request_body("outputType")
    if not isinstance(wanted, (list, tuple)) or not set(wanted) <= set(CATEGORIES):
        raise errors.invalid_request_body("categories")
    matches = _matches(resource.config.blocklists, body.get("blocklistNames") or (), text)
    halted = bool(matches) and body.get("haltOnBlocklistHit") is True
    eight = output_type == _OUTPUT_TYPES[1]
    found = {} if halted else severities(text)
    return {
        "blocklistsMatch": matches,
        "categoriesAnalysis": [
            {"category": name, "severity": found[name] if eight else found[name] // 2 * 2}
            for name in wanted
            if name in found
        ],
    }


def severities(text: str) -> dict[str, int]:
    """The severity of each category, from 0 to 7, that the words of a text stand for."""
    found = dict.fromkeys(CATEGORIES, 0)
    if BLOCKED_PROMPT in text:
        found["Violence"] = _HIGH
    spelled = {name.lower(): name for name in CATEGORIES}
    for category, severity in _TRIGGER.findall(text):
        name = spelled[category]
        found[name] = max(found[name], int(severity))
    return found


def _matches(
    lists: Mapping[str, tuple[str, ...]], names: Iterable[str], text: str
) -> list[dict[str, str]]:
    lowered = text.lower()
    found = []
    for name in names:
        if name not in lists:
            raise errors.blocklist_not_found(name)
        found += [
            {
                "blocklistName": name,
                "blocklistItemId": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{name}/{word}")),
                "blocklistItemText": word,
            }
            for word in lists[name]
            if word.lower() in lowered
        ]
    return found


def _shielded(_: SimulatedResource, body: Mapping[str, Any]) -> dict[str, Any]:
    documents = body.get("documents") or []
    if not isinstance(documents, list) or len(documents) > MOST_DOCUMENTS:
        raise errors.invalid_request_body("documents")
    if sum(len(_text(document, "documents")) for document in documents) > MOST_CHARACTERS:
        raise errors.invalid_request_body("documents")
    answer: dict[str, Any] = {}
    if body.get("userPrompt") is not None:
        answer["userPromptAnalysis"] = _attack(_text(body["userPrompt"], "userPrompt"))
    elif not documents:
        raise errors.invalid_request_body("userPrompt")
    answer["documentsAnalysis"] = [_attack(document) for document in documents]
    return answer


def _attack(text: str) -> dict[str, bool]:
    return {"attackDetected": JAILBREAK_PROMPT in text}


def _text(value: object, field: str) -> str:
    if not isinstance(value, str) or not value or len(value) > MOST_CHARACTERS:
        raise errors.invalid_request_body(field)
    return value
