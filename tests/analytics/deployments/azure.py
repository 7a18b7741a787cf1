"""Made-up output of Azure's command line, in its own form."""

from __future__ import annotations

from typing import Any

GROUP = "/subscriptions/0/resourceGroups/ai/providers/Microsoft.CognitiveServices/accounts"


def deployment(
    name: str = "chat",
    *,
    account: str | None = "contoso-sweden",
    model: str = "gpt-4o",
    version: str | None = "2024-11-20",
    sku: str = "GlobalStandard",
    capacity: int = 120,
    created: str | None = "2026-03-01T08:00:00.123456+00:00",
) -> dict[str, Any]:
    """One of `az cognitiveservices account deployment list`."""
    return {
        "etag": '"1"',
        "id": f"{GROUP}/{account}/deployments/{name}" if account else "",
        "name": name,
        "properties": {
            "capabilities": {"chatCompletion": "true"},
            "model": {"format": "OpenAI", "name": model, "source": None, "version": version},
            "provisioningState": "Succeeded",
            "raiPolicyName": "Microsoft.DefaultV2",
            "rateLimits": [
                {"count": capacity * 1.0, "key": "request", "renewalPeriod": 10.0},
                {"count": capacity * 1000.0, "key": "token", "renewalPeriod": 60.0},
            ],
            "versionUpgradeOption": "OnceNewDefaultVersionAvailable",
        },
        "resourceGroup": "ai",
        "sku": {"capacity": capacity, "family": None, "name": sku, "size": None, "tier": None},
        "systemData": {"createdAt": created, "createdBy": "somebody"} if created else None,
        "type": "Microsoft.CognitiveServices/accounts/deployments",
    }


def account(name: str = "contoso-sweden", host: str = "contoso-sweden.openai.azure.com") -> Any:
    """One of `az cognitiveservices account list`."""
    return {
        "id": f"{GROUP}/{name}",
        "kind": "OpenAI",
        "location": "Sweden Central",
        "name": name,
        "properties": {"customSubDomainName": name, "endpoint": f"https://{host}/"},
        "type": "Microsoft.CognitiveServices/accounts",
    }
