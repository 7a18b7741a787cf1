"""A hub or a storage account that is no address stops the start, and is not quoted."""

from __future__ import annotations

import pytest

from gatemeter.hubs import hub_address, hub_source
from gatemeter.settings import Settings
from gateway_hooks.errors import SettingsError
from ingest import SystemClock


def test_without_a_hub_the_variable_is_named() -> None:
    """The operator reads which setting is missing and what it looks like."""
    with pytest.raises(SettingsError, match="GATEMETER_EVENT_HUB is not set"):
        hub_address(Settings.load(event_hub=None))


@pytest.mark.parametrize(
    "text", ["secretword", "secretword=1;EndpointSuffix=x", "http://secretword"]
)
def test_a_storage_account_that_is_none_is_refused(text: str) -> None:
    """It would otherwise be tried for ever, as if the hub were away."""
    settings = Settings.load(
        event_hub="sb://ns.servicebus.windows.net/usage", event_hub_checkpoints=text
    )
    with pytest.raises(SettingsError, match="GATEMETER_EVENT_HUB_CHECKPOINTS") as caught:
        hub_source(settings, lambda _name: {}, SystemClock())
    assert "secretword" not in str(caught.value)
