"""How a simulated resource is described."""

from __future__ import annotations

import pytest

from gatemeter.simulator import Deployment, SimulatorConfig


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("chat=gpt-4o", Deployment("chat", "gpt-4o")),
        ("gpt-4o", Deployment("gpt-4o", "gpt-4o")),
        (
            "chat=gpt-4o:tpm=1000,rpm=6,type=ptu,region=westeurope",
            Deployment("chat", "gpt-4o", 1000, 6, "ptu", "westeurope"),
        ),
    ],
)
def test_deployments_are_written_as_one_word(text: str, expected: Deployment) -> None:
    """NAME=MODEL and options."""
    assert Deployment.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("=gpt-4o", "NAME=MODEL"),
        ("a=b:tpm", "option=value"),
        ("a=b:tpm=lots", "whole number"),
        ("a=b:speed=1", "unknown option speed"),
        ("a=b:type=huge", "global, data_zone, regional, ptu"),
    ],
)
def test_a_wrong_description_says_what_is_wrong(text: str, says: str) -> None:
    """The message names the part."""
    with pytest.raises(ValueError, match=says):
        Deployment.parse(text)


def test_deployment_names_are_found_without_case() -> None:
    """As Azure does."""
    config = SimulatorConfig(deployments=(Deployment("Chat", "gpt-4o"),))
    assert config.find("cHAT") is not None
    assert config.find("other") is None
