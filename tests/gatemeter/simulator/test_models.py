"""The models list of the simulator."""

from __future__ import annotations

import pytest
from openai import AzureOpenAI, NotFoundError, OpenAI

from gatemeter.simulator import RunningSimulator


def test_models_are_listed_on_both_paths(simulator: RunningSimulator) -> None:
    """Azure's path and the v1 path list what is deployed; an unknown model is a 404."""
    with (
        AzureOpenAI(azure_endpoint=simulator.url, api_key="k", api_version="2024-10-21") as azure,
        OpenAI(base_url=f"{simulator.url}/openai/v1", api_key="k") as v1,
    ):
        listed = [model.id for model in azure.models.list()]
        assert "gpt-4o" in listed
        assert listed == [model.id for model in v1.models.list()]
        assert v1.models.retrieve("whisper").id == "whisper"
        with pytest.raises(NotFoundError):
            v1.models.retrieve("gpt-99")
