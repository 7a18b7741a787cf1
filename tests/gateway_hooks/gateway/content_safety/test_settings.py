"""Settings that cannot work stop the start and say what to do."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway_hooks.errors import SettingsError
from gateway_hooks.gateway.content_safety import ContentSafetySettings, SafetyService
from gateway_hooks.gateway.content_safety.checker import Checker

FINE: dict[str, Any] = {"endpoint": "https://x.cognitiveservices.azure.com", "key_env": "KEY"}


def test_the_defaults_block_from_medium_on() -> None:
    """As Azure OpenAI's own filter does."""
    settings = ContentSafetySettings(**FINE)
    assert settings.categories == {"Hate": 4, "SelfHarm": 4, "Sexual": 4, "Violence": 4}
    assert (settings.on_failure, settings.check, settings.check_answers) == (
        "closed",
        "whole",
        "off",
    )


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"endpoint": "x.cognitiveservices.azure.com"}, "https://NAME"),
        ({"endpoint": "https://x:y"}, "https://NAME"),
        ({"key_env": None}, 'identity = "default"'),
        ({"identity": "default"}, "key_env"),
        ({"categories": {"Hate": 3}}, "EightSeverityLevels"),
        ({"categories": {"Hate": 0}}, "greater than or equal to 1"),
        ({"categories": {"Rude": 4}}, "Rude"),
        ({"categories": {}}, "nothing is checked"),
        (
            {"categories": {}, "shield_prompt": True, "check_answers": "window"},
            "answers are checked for",
        ),
        ({"blocklists": ["a b"]}, "pattern"),
        ({"blocked_status": 404}, "400 or 403"),
        ({"threshold": 1}, "threshold"),
    ],
)
def test_a_wrong_setting_says_what_is_wrong(fields: dict[str, Any], says: str) -> None:
    """Before the first request."""
    with pytest.raises(ValidationError, match=says):
        ContentSafetySettings(**(FINE | fields))


@pytest.mark.parametrize("value", ["", "  ", "kéy", "a\nb"])
def test_a_key_that_is_none(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """The message names the variable."""
    monkeypatch.setenv("KEY", value)
    with pytest.raises(SettingsError, match="KEY"):
        Checker(ContentSafetySettings(**FINE), SafetyService())


def test_an_identity_that_nobody_gives() -> None:
    """At the start, not at the first request."""
    settings = ContentSafetySettings(endpoint=FINE["endpoint"], identity="default")
    with pytest.raises(SettingsError, match="identity"):
        Checker(settings, SafetyService())
