"""Made-up answers of the Azure Retail Prices API, in its shape."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

METER = "gpt 4.1 mini Inp glbl Tokens"


def item(price: float, name: str = METER, **fields: Any) -> dict[str, Any]:
    """One price of a page: a meter in a region."""
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": price,
        "unitPrice": price,
        "armRegionName": "swedencentral",
        "location": "SE Central",
        "effectiveStartDate": "2025-04-01T00:00:00Z",
        "meterId": "00000000-0000-0000-0000-000000000000",
        "meterName": name,
        "productId": "DZH0",
        "skuId": "DZH0/0001",
        "productName": "Azure OpenAI",
        "skuName": name.removesuffix(" Tokens"),
        "serviceName": "Foundry Models",
        "serviceFamily": "AI + Machine Learning",
        "unitOfMeasure": "1K",
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        **fields,
    }


def page(*items: dict[str, Any], more: bool = False, **fields: Any) -> dict[str, Any]:
    """A page of the API."""
    link = "https://prices.azure.com:443/api/retail/prices?$skip=1000"
    return {
        "BillingCurrency": "USD",
        "CustomerEntityId": "Default",
        "CustomerEntityType": "Retail",
        "Items": list(items),
        "NextPageLink": link if more else None,
        "Count": len(items),
        **fields,
    }


def save(path: Path, *documents: object) -> Path:
    """A file with these answers, one after the other."""
    path.write_text("\n".join(json.dumps(one) for one in documents))
    return path
