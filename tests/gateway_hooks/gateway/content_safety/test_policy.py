"""Prompts in every shape: blocked and passed, and what is recorded of them."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from gatemeter.simulator import RunningSimulator
from gateway_hooks.gateway.content_safety import SafetyService
from tests.gateway_hooks.gateway.content_safety.conftest import StartSafe

BAD = "secret-canary simulate-violence-6"
FINE = "secret-canary hello"
V1 = "/openai/v1"
PNG = b"\x89PNG\r\n\x1a\n"


def chat(*messages: Any) -> dict[str, Any]:
    """A chat request."""
    return {"json": {"messages": list(messages)}}


def user(content: Any) -> dict[str, Any]:
    """A user's message."""
    return {"role": "user", "content": content}


def shapes(text: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Requests that carry a text, each in another place."""
    hello = user("hello")
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": text}}
    model = {"model": "gpt-4o"}
    form = {"prompt": (None, text), "image": ("a.png", PNG, "image/png")}
    spoken = {"file": ("a.wav", b"RIFF", "audio/wav"), "prompt": (None, text)}
    return {
        "user": ("chat/completions", chat(user(text))),
        "part": ("chat/completions", chat(user([{"type": "text", "text": text}]))),
        "system": ("chat/completions", chat({"role": "system", "content": text}, hello)),
        "developer": ("chat/completions", chat({"role": "developer", "content": text}, hello)),
        "assistant": ("chat/completions", chat({"role": "assistant", "content": text}, hello)),
        "tool": (
            "chat/completions",
            chat(hello, {"role": "tool", "tool_call_id": "c", "content": text}),
        ),
        "arguments": (
            "chat/completions",
            chat(hello, {"role": "assistant", "content": None, "tool_calls": [call]}),
        ),
        "on_your_data": (
            "extensions/chat/completions",
            {
                "json": {
                    "messages": [hello],
                    "data_sources": [
                        {"type": "azure_search", "parameters": {"role_information": text}}
                    ],
                }
            },
        ),
        "completion": (
            "/openai/deployments/gpt-35-turbo-instruct/completions",
            {"json": {"prompt": ["hello", text]}},
        ),
        "responses": (f"{V1}/responses", {"json": {**model, "input": text}}),
        "items": (f"{V1}/responses", {"json": {**model, "input": [user(text)]}}),
        "parts": (
            f"{V1}/responses",
            {"json": {**model, "input": [user([{"type": "input_text", "text": text}])]}},
        ),
        "instructions": (
            f"{V1}/responses",
            {"json": {**model, "input": "hello", "instructions": text}},
        ),
        "output": (
            f"{V1}/responses",
            {
                "json": {
                    **model,
                    "input": [
                        user("hello"),
                        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                        {"type": "function_call_output", "call_id": "c", "output": text},
                    ],
                }
            },
        ),
        "embeddings": (
            "/openai/deployments/text-embedding-3-small/embeddings",
            {"json": {"input": ["hello", text]}},
        ),
        "image": ("/openai/deployments/dall-e-3/images/generations", {"json": {"prompt": text}}),
        "edit": ("/openai/deployments/gpt-image-1/images/edits", {"files": form}),
        "speech": (
            "/openai/deployments/tts-1/audio/speech",
            {"json": {"input": text, "voice": "alloy"}},
        ),
        "transcription": ("/openai/deployments/whisper/audio/transcriptions", {"files": spoken}),
    }


@pytest.mark.parametrize("shape", shapes(""))
def test_a_prompt_is_blocked_wherever_it_stands(start_safe: StartSafe, shape: str) -> None:
    """400 as from Azure OpenAI, no backend is called, nothing is used, the event says why."""
    gateway = start_safe()
    path, options = shapes(BAD)[shape]
    response = gateway.post(path, **options)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["param"]) == ("content_filter", "prompt")
    results = error["innererror"]["content_filter_result"]
    assert results["violence"] == {"filtered": True, "severity": "high"}
    assert results["hate"] == {"filtered": False, "severity": "safe"}
    assert not gateway.backend.ledger.entries()
    event = gateway.event
    assert event["decisions"] == [
        {"policy": "content_safety", "action": "denied", "reason": "violence"}
    ]
    assert event["usage_source"] == "none"
    assert "input_tokens" not in event
    assert "attempts" not in event
    assert event["error_code"] == "content_filter"
    assert event["content_filter"]["prompt"]["violence"]["severity"] == "high"
    assert b"canary" not in gateway.recorded
    assert "canary" not in response.text


@pytest.mark.parametrize("shape", shapes(""))
def test_a_fine_prompt_passes_wherever_it_stands(start_safe: StartSafe, shape: str) -> None:
    """The answer is the backend's and the event has no decision."""
    gateway = start_safe(shield_prompt=True)
    path, options = shapes(FINE)[shape]
    response = gateway.post(path, **options)
    assert response.status_code == 200 or shape == "transcription"  # no sound was sent there
    assert len(gateway.backend.ledger.entries()) == (response.status_code == 200)
    assert "decisions" not in gateway.event
    assert b"canary" not in gateway.recorded


def test_the_sdk_understands_a_blocked_prompt(start_safe: StartSafe) -> None:
    """What applications catch for Azure's own filter catches this one."""
    with (
        start_safe().client() as client,
        pytest.raises(openai.BadRequestError) as raised,
    ):
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": BAD}])
    assert raised.value.code == "content_filter"


def test_blocked_status_403(start_safe: StartSafe) -> None:
    """As API Management says it; the event is read the same way."""
    gateway = start_safe(blocked_status=403)
    assert gateway.chat(BAD).status_code == 403
    event = gateway.event
    assert (event["status_code"], event["error_code"]) == (403, "content_filter")
    assert event["content_filter"]["prompt"]["violence"]["filtered"] is True
    assert event["usage_source"] == "none"


@pytest.mark.parametrize(
    ("word", "threshold", "status"),
    [("2", 2, 400), ("2", 4, 200), ("4", 4, 400), ("4", 6, 200), ("6", 6, 400), ("5", 6, 200)],
)
def test_thresholds(start_safe: StartSafe, word: str, threshold: int, status: int) -> None:
    """Blocked from the threshold on; below it the severity is in the event of what passed."""
    gateway = start_safe(categories={"Hate": threshold})
    assert gateway.chat(f"simulate-hate-{word}").status_code == status
    severity = {"2": "low", "4": "medium", "5": "medium", "6": "high"}[word]
    found = gateway.event["content_filter"]["prompt"]["hate"]
    assert found == {"filtered": status == 400, "severity": severity}


def test_eight_levels(start_safe: StartSafe) -> None:
    """Odd severities are told apart."""
    gateway = start_safe(categories={"Sexual": 5}, output_type="EightSeverityLevels")
    assert gateway.chat("simulate-sexual-4").status_code == 200
    assert gateway.chat("simulate-sexual-5").status_code == 400


def test_a_category_that_is_not_named_is_not_looked_at(start_safe: StartSafe) -> None:
    """The service is asked for the named ones only."""
    gateway = start_safe(categories={"Hate": 2})
    assert gateway.chat(BAD).status_code == 200
    assert gateway.event["content_filter"]["prompt"]["violence"]["severity"] == "safe"


@pytest.mark.parametrize("halt", [True, False])
def test_block_lists(start_safe: StartSafe, *, halt: bool) -> None:
    """A hit blocks; the list is named to the caller and its words nowhere."""
    gateway = start_safe(blocklists=("colours",), halt_on_blocklist=halt)
    response = gateway.chat("Mauve")
    results = response.json()["error"]["innererror"]["content_filter_result"]
    assert results["custom_blocklists"] == [{"filtered": True, "id": "colours"}]
    assert ("hate" in results) != halt
    event = gateway.event
    assert event["decisions"][0]["reason"] == "blocklist"
    assert event["content_filter"]["prompt"]["custom_blocklists"] == {"filtered": True}
    assert b"auve" not in gateway.recorded.lower().replace(b"colours", b"")
    assert gateway.chat("green").status_code == 200


DOCUMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "tool": shapes("simulate-jailbreak")["tool"],
    "output": shapes("simulate-jailbreak")["output"],
    "context": (
        "chat/completions",
        chat(
            user("hello"),
            {
                "role": "assistant",
                "content": "x",
                "context": {"citations": [{"content": "simulate-jailbreak"}]},
            },
            user("and?"),
        ),
    ),
    "named": (
        "chat/completions",
        chat({"role": "user", "name": "mail", "content": "simulate-jailbreak"}, user("hello")),
    ),
}


@pytest.mark.parametrize("shape", DOCUMENTS)
def test_attacks_in_documents(start_safe: StartSafe, shape: str) -> None:
    """What tools and sources say is a document, and so is what the operator names."""
    gateway = start_safe(shield_prompt=True, document_names=("mail",))
    path, options = DOCUMENTS[shape]
    response = gateway.post(path, **options)
    assert response.status_code == 400
    results = response.json()["error"]["innererror"]["content_filter_result"]
    assert results["indirect_attack"] == {"filtered": True, "detected": True}
    assert results["jailbreak"] == {"filtered": False, "detected": False}
    assert gateway.event["decisions"][0]["reason"] == "indirect_attack"
    assert gateway.event["prompt_shield"] is True


def test_attacks_of_the_user(start_safe: StartSafe) -> None:
    """A jailbreak; who is shielded and fine has that in the event, too."""
    gateway = start_safe(shield_prompt=True)
    assert gateway.chat("simulate-jailbreak").status_code == 400
    assert gateway.chat("hello").status_code == 200
    attacked, fine = gateway.events
    assert attacked["decisions"][0]["reason"] == "jailbreak"
    assert (attacked["prompt_shield"], fine["prompt_shield"]) == (True, False)


def test_without_the_shield_nobody_looks_for_attacks(start_safe: StartSafe) -> None:
    """It is a question more for each request, so it is asked only if wanted."""
    gateway = start_safe()
    response = gateway.chat("simulate-jailbreak")
    assert response.json()["error"]["message"].startswith("The response was filtered")  # backend's
    assert "decisions" not in gateway.event


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        ([user(BAD), {"role": "assistant", "content": "no"}, user("hello")], 200),
        ([user("hello"), {"role": "assistant", "content": "no"}, user(BAD)], 400),
        ([user(BAD), {"role": "assistant", "content": "no"}], 400),
        ([user("hello"), {"role": "assistant", "content": BAD}], 400),
        ([user(BAD)], 400),
    ],
)
def test_last_turn(start_safe: StartSafe, messages: list[Any], status: int) -> None:
    """What came before the last answer was checked then; an answer at the end hides nothing."""
    gateway = start_safe(check="last_turn")
    assert gateway.post("chat/completions", json={"messages": messages}).status_code == status


def test_long_texts_are_checked_to_their_end(start_safe: StartSafe) -> None:
    """Beyond 10,000 characters in pieces; a word at a cut is whole in one of them."""
    gateway = start_safe(shield_prompt=True, overlap_characters=100)
    for place in (4_995, 9_945, 12_500):
        text = "ä " * place + "simulate-violence-6" + " ä" * 4_500
        assert gateway.chat(text).status_code == 400
    assert gateway.chat("a " * 20_000 + "simulate-jailbreak").status_code == 400
    assert gateway.chat("a " * 20_000).status_code == 200


def test_a_text_of_too_many_pieces_cannot_be_checked(start_safe: StartSafe) -> None:
    """It is refused as the request's own fault, so that no SDK tries it again."""
    gateway = start_safe(most_pieces=2)
    response = gateway.chat("a " * 15_000)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "content_safety_too_long"
    assert gateway.event["decisions"][0]["reason"] == "too_long"
    assert "content_filter" not in gateway.event


UNREADABLE: dict[str, dict[str, Any]] = {
    "no json": {"content": b'{"messages": [{"role": "user"', "headers": {}},
    "a list": {"content": b"[]", "headers": {}},
    "compressed": {"content": b"\x1f\x8b", "headers": {"content-encoding": "gzip"}},
    "broken form": {
        "content": b"--b\r\n",
        "headers": {"content-type": "multipart/form-data; boundary=b"},
    },
    "too long": {"json": {"messages": [user("a " * (1 << 20))]}},
    "too deep": {"json": {"messages": json.loads("[" * 200 + "]" * 200)}},
}


@pytest.mark.parametrize("on_failure", ["closed", "open"])
@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_is_a_failure(
    start_safe: StartSafe, kind: str, on_failure: str
) -> None:
    """Refused, also where failures of the service let pass: else callers could choose it."""
    gateway = start_safe(on_failure=on_failure)
    response = gateway.post("chat/completions", **UNREADABLE[kind])
    decision = gateway.event["decisions"][0]
    assert decision["reason"] == "unreadable"
    assert decision["action"] == "denied"
    assert response.json()["error"]["code"] == "content_safety_unreadable"
    assert gateway.event["usage_source"] == "none"


def test_token_ids_are_read(start_safe: StartSafe) -> None:
    """Text that was made into tokens by the client is text; ids of no vocabulary are unreadable."""
    from gateway_hooks.estimating.tokenizer import CL100K, _encoder

    ids = _encoder(CL100K).encode_ordinary("simulate-violence-6")
    gateway = start_safe()
    path = "/openai/deployments/text-embedding-3-small/embeddings"
    assert gateway.post(path, json={"input": [ids]}).json()["error"]["code"] == "content_filter"
    response = gateway.post(path, json={"input": [10**7]})
    assert response.json()["error"]["code"] == "content_safety_unreadable"


@pytest.mark.parametrize(
    ("field", "patterns", "status"),
    [
        ("deployments", ("GPT-4*",), 400),
        ("deployments", ("o4-*",), 200),
        ("products", ("*",), 400),
        ("products", ("team-*",), 200),
    ],
)
def test_it_applies_to_what_it_is_for(
    start_safe: StartSafe, field: str, patterns: tuple[str, ...], status: int
) -> None:
    """By product of the caller and by deployment; a caller without product is of none."""
    gateway = start_safe(**{field: patterns})
    assert gateway.chat(BAD).status_code == status


def test_a_request_that_is_just_wrong_is_no_filtered_one(start_safe: StartSafe) -> None:
    """A 400 of the backend with annotations of ours would be charged; it has none."""
    gateway = start_safe(shield_prompt=True)
    assert gateway.chat("simulate-hate-2", n=0).status_code == 400
    assert "content_filter" not in gateway.event
    assert "decisions" not in gateway.event


async def give_token(identity: str) -> str:
    """Of the gateway's identity."""
    return {"managed": "safety-key"}[identity]


def test_an_identity_instead_of_a_key(start_safe: StartSafe) -> None:
    """A bearer token opens the service."""
    gateway = start_safe(key_env=None, identity="managed", service=SafetyService(token=give_token))
    assert gateway.chat(BAD).status_code == 400
    assert gateway.chat(FINE).status_code == 200


def test_the_service_is_asked_with_the_gateways_key_only(
    start_safe: StartSafe, safety: RunningSimulator
) -> None:
    """A caller's key opens no resource of the operator."""
    assert safety.resource.config.keys == {"safety-key"}
    assert start_safe().chat(FINE).status_code == 200
