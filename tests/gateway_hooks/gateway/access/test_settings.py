"""What can be set about access."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway_hooks.gateway.access import AccessSettings, EntraRule, Product

TENANT = "11111111-2222-3333-4444-555555555555"
GOOD = {"tenant": TENANT, "audiences": ["api://x"], "roles": ["r"], "product": "p"}


def test_a_tenant_stands_for_both_issuers() -> None:
    """Keys are looked for at the directory's own address, in either case of the id."""
    rule = EntraRule(tenant=TENANT.upper(), audiences=("a",), scopes=("s",), product="p")
    assert rule.issuers == (
        f"https://login.microsoftonline.com/{TENANT}/v2.0",
        f"https://sts.windows.net/{TENANT}/",
    )
    assert rule.configuration_url.startswith("https://login.microsoftonline.com/")


@pytest.mark.parametrize(
    "change",
    [
        {"tenant": "contoso.com"},
        {"tenant": "common"},
        {"tenant": None},
        {"issuer": "https://other.example"},
        {"tenant": None, "issuer": "http://other.example"},
        {"discovery_url": "http://10.0.0.1/x"},
        {"discovery_url": "https://[broken"},
        {"audiences": []},
        {"audiences": [""]},
        {"roles": []},
        {"product": ""},
        {"surprise": 1},
    ],
)
def test_rules_that_would_let_anybody_in_are_refused(change: dict[str, Any]) -> None:
    """No directory, a shared one, keys over plain http, no audience, no role."""
    EntraRule.model_validate(GOOD)
    with pytest.raises(ValidationError):
        EntraRule.model_validate(GOOD | change)


def test_other_operations_follow_from_the_deployments() -> None:
    """Allowed with every deployment, denied with some, as set when it is set."""
    assert Product(name="p").allows_other_operations
    some = Product(name="p", deployments=("a",))
    assert not some.allows_other_operations
    assert some.model_copy(update={"other_operations": True}).allows_other_operations


def test_access_is_closed_unless_it_is_opened() -> None:
    """Nobody passes without a credential, and unknown items are nobody's, by default."""
    settings = AccessSettings()
    assert not settings.anonymous
    assert settings.unknown_items == "deny"
