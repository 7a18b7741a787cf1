"""Made-up exports of Azure's Cost Management, in the shapes that it writes."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

ACCOUNT = "/subscriptions/0f/resourceGroups/AI/providers/Microsoft.CognitiveServices/accounts/"
INPUT = "gpt 4o 1120 Inp glbl Tokens"
CACHED = "gpt 4o 1120 cached Inp glbl Tokens"
OUTPUT = "gpt 4o 1120 Outp glbl Tokens"

EA_COLUMNS = (
    "InvoiceSectionName", "AccountName", "AccountOwnerId", "SubscriptionId", "SubscriptionName",
    "ResourceGroup", "ResourceLocation", "Date", "ProductName", "MeterCategory",
    "MeterSubCategory", "MeterId", "MeterName", "MeterRegion", "UnitOfMeasure", "Quantity",
    "EffectivePrice", "CostInBillingCurrency", "CostCenter", "ConsumedService", "ResourceId",
    "Tags", "OfferId", "AdditionalInfo", "ServiceInfo1", "ServiceInfo2", "ResourceName",
    "ReservationId", "ReservationName", "UnitPrice", "ProductOrderId", "ProductOrderName", "Term",
    "PublisherType", "PublisherName", "ChargeType", "Frequency", "PricingModel",
    "AvailabilityZone", "BillingAccountId", "BillingAccountName", "BillingCurrencyCode",
    "BillingPeriodStartDate", "BillingPeriodEndDate", "BillingProfileId", "BillingProfileName",
    "InvoiceSectionId", "IsAzureCreditEligible", "PartNumber", "PayGPrice", "PlanName",
    "ServiceFamily", "CostAllocationRuleName", "benefitId", "benefitName",
)  # fmt: skip
MCA_COLUMNS = (
    "invoiceId", "previousInvoiceId", "billingAccountId", "billingAccountName",
    "billingProfileId", "billingProfileName", "invoiceSectionId", "invoiceSectionName",
    "resellerName", "resellerMpnId", "costCenter", "billingPeriodEndDate",
    "billingPeriodStartDate", "servicePeriodEndDate", "servicePeriodStartDate", "date",
    "serviceFamily", "productOrderId", "productOrderName", "consumedService", "meterId",
    "meterName", "meterCategory", "meterSubCategory", "meterRegion", "ProductId", "ProductName",
    "SubscriptionId", "subscriptionName", "publisherType", "publisherId", "publisherName",
    "resourceGroupName", "ResourceId", "resourceLocation", "location", "effectivePrice",
    "quantity", "unitOfMeasure", "chargeType", "billingCurrency", "pricingCurrency",
    "costInBillingCurrency", "costInPricingCurrency", "costInUsd", "paygCostInBillingCurrency",
    "paygCostInUsd", "exchangeRatePricingToBilling", "exchangeRateDate", "isAzureCreditEligible",
    "serviceInfo1", "serviceInfo2", "additionalInfo", "tags", "PayGPrice", "frequency", "term",
    "reservationId", "reservationName", "pricingModel", "unitPrice", "costAllocationRuleName",
    "benefitId", "benefitName", "provider",
)  # fmt: skip
FOCUS_COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargePeriodEnd", "ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit",
    "EffectiveCost", "ListCost", "PricingQuantity", "PricingUnit", "RegionId", "ResourceId",
    "ResourceName", "ServiceName", "SkuId", "x_PricingBlockSize", "x_PricingUnitDescription",
    "x_SkuMeterCategory", "x_SkuMeterName", "x_SkuMeterSubcategory",
)  # fmt: skip


def line(
    meter: str = INPUT, quantity: str = "1", cost: str = "0.0025", **fields: str
) -> dict[str, str]:
    """A line about 1,000 tokens on the second of October, by the columns of an EA export."""
    return {
        "Date": "10/02/2026",
        "MeterCategory": "Foundry Models",
        "MeterSubCategory": "Azure OpenAI",
        "ProductName": 'Azure OpenAI - "gpt-4o", glbl - SE Central',
        "MeterName": meter,
        "UnitOfMeasure": "1K",
        "Quantity": quantity,
        "CostInBillingCurrency": cost,
        "ResourceId": f"{ACCOUNT}Contoso-Sweden",
        "ChargeType": "Usage",
        "BillingCurrencyCode": "USD",
        "Tags": '"team": "search", "note": "a, b"',
        **fields,
    }


def write_bill(
    path: Path, lines: Sequence[Mapping[str, str]], columns: Sequence[str] = EA_COLUMNS
) -> Path:
    """The lines as a file; names are matched whatever their case."""
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for one in lines:
            known = {name.lower(): value for name, value in one.items()}
            writer.writerow([known.get(name.lower(), "") for name in columns])
    return path


def as_mca(one: Mapping[str, str], **fields: str) -> dict[str, str]:
    """The same line as a Microsoft Customer Agreement's export has it."""
    return {**one, "billingCurrency": one["BillingCurrencyCode"], **fields}


def as_focus(one: Mapping[str, str], **fields: str) -> dict[str, str]:
    """The same line as Azure's FOCUS export has it."""
    month, day, year = one["Date"].split("/")
    return {
        "ChargePeriodStart": f"{year}-{month}-{day}T00:00:00Z",
        "ChargeCategory": one["ChargeType"],
        "x_SkuMeterName": one["MeterName"],
        "x_SkuMeterCategory": one["MeterCategory"],
        "x_SkuMeterSubcategory": one["MeterSubCategory"],
        "ServiceName": "Azure AI Foundry",
        "PricingQuantity": one["Quantity"],
        "PricingUnit": "Units",
        "x_PricingUnitDescription": one["UnitOfMeasure"],
        "BilledCost": one["CostInBillingCurrency"],
        "EffectiveCost": one["CostInBillingCurrency"],
        "BillingCurrency": one["BillingCurrencyCode"],
        "ResourceId": one["ResourceId"],
        **fields,
    }
