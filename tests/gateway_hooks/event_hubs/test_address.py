"""The setting that names a hub is read, or refused without being quoted."""

from __future__ import annotations

import pytest

from gateway_hooks.errors import SettingsError
from gateway_hooks.event_hubs.address import HubAddress

KEY = "c2VjcmV0LWtleS1vZi1uby11c2U="
STRING = f"Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey={KEY};EntityPath=usage"


def test_a_connection_string_names_host_and_hub() -> None:
    """The key stays inside: neither form of the address's text shows it."""
    address = HubAddress.parse(STRING)
    assert (address.host, address.hub) == ("ns.servicebus.windows.net", "usage")
    assert str(address) == "sb://ns.servicebus.windows.net/usage"
    assert KEY not in repr(address)


def test_a_url_logs_in_by_entra() -> None:
    """Without a key there is nothing but the place."""
    address = HubAddress.parse("sb://ns.servicebus.windows.net/usage")
    assert address.connection_string is None
    assert str(address) == "sb://ns.servicebus.windows.net/usage"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "usage",
        "sb://ns.servicebus.windows.net",
        "sb://ns.servicebus.windows.net/usage/more",
        "https://ns.servicebus.windows.net/usage",
        STRING.removesuffix(";EntityPath=usage"),
        STRING.replace(f"SharedAccessKey={KEY};", ""),
        f"SharedAccessKeyName=n;SharedAccessKey={KEY};EntityPath=usage",
    ],
)
def test_what_names_no_hub_is_refused(text: str) -> None:
    """The error names the variable and both forms, and never the key."""
    with pytest.raises(
        SettingsError, match=r"GATEMETER_EVENT_HUB.*sb://<namespace>/<hub>"
    ) as caught:
        HubAddress.parse(text)
    assert KEY not in str(caught.value)
