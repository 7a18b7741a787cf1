"""The columns of a FOCUS export, in the order of the file: the standard's first, ours last.

Every column of the version is there, also those that never hold anything here (availability zones,
capacity reservations), so that a loader sees the same schema each month.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import pyarrow as pa

Version = Literal["1.2", "1.3"]
VERSIONS: Final[tuple[Version, ...]] = ("1.2", "1.3")
Kind = Literal["text", "time", "cost", "price", "quantity", "count"]

_TYPES: Final = {
    "text": pa.string(),
    "time": pa.timestamp("us", "UTC"),
    "cost": pa.decimal128(38, 18),
    "price": pa.decimal128(38, 18),
    "quantity": pa.decimal128(38, 6),
    "count": pa.int64(),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its id, what it holds, and the version of FOCUS that has it first."""

    name: str
    kind: Kind = "text"
    since: Version = "1.2"


_COLUMNS: Final = (
    Column("AllocatedMethodDetails", since="1.3"),
    Column("AllocatedMethodId", since="1.3"),
    Column("AllocatedResourceId", since="1.3"),
    Column("AllocatedResourceName", since="1.3"),
    Column("AllocatedTags", since="1.3"),
    Column("AvailabilityZone"),
    Column("BilledCost", "cost"),
    Column("BillingAccountId"),
    Column("BillingAccountName"),
    Column("BillingAccountType"),
    Column("BillingCurrency"),
    Column("BillingPeriodEnd", "time"),
    Column("BillingPeriodStart", "time"),
    Column("CapacityReservationId"),
    Column("CapacityReservationStatus"),
    Column("ChargeCategory"),
    Column("ChargeClass"),
    Column("ChargeDescription"),
    Column("ChargeFrequency"),
    Column("ChargePeriodEnd", "time"),
    Column("ChargePeriodStart", "time"),
    Column("CommitmentDiscountCategory"),
    Column("CommitmentDiscountId"),
    Column("CommitmentDiscountName"),
    Column("CommitmentDiscountQuantity", "quantity"),
    Column("CommitmentDiscountStatus"),
    Column("CommitmentDiscountType"),
    Column("CommitmentDiscountUnit"),
    Column("ConsumedQuantity", "quantity"),
    Column("ConsumedUnit"),
    Column("ContractApplied", since="1.3"),
    Column("ContractedCost", "cost"),
    Column("ContractedUnitPrice", "price"),
    Column("EffectiveCost", "cost"),
    Column("HostProviderName", since="1.3"),
    Column("InvoiceId"),
    Column("InvoiceIssuerName"),
    Column("ListCost", "cost"),
    Column("ListUnitPrice", "price"),
    Column("PricingCategory"),
    Column("PricingCurrency"),
    Column("PricingCurrencyContractedUnitPrice", "price"),
    Column("PricingCurrencyEffectiveCost", "cost"),
    Column("PricingCurrencyListUnitPrice", "price"),
    Column("PricingQuantity", "quantity"),
    Column("PricingUnit"),
    Column("ProviderName"),
    Column("PublisherName"),
    Column("RegionId"),
    Column("RegionName"),
    Column("ResourceId"),
    Column("ResourceName"),
    Column("ResourceType"),
    Column("ServiceCategory"),
    Column("ServiceName"),
    Column("ServiceProviderName", since="1.3"),
    Column("ServiceSubcategory"),
    Column("SkuId"),
    Column("SkuMeter"),
    Column("SkuPriceDetails"),
    Column("SkuPriceId"),
    Column("SubAccountId"),
    Column("SubAccountName"),
    Column("SubAccountType"),
    Column("Tags"),
    Column("x_Backend"),
    Column("x_DeploymentType"),
    Column("x_KeyId"),
    Column("x_KeyName"),
    Column("x_Meter"),
    Column("x_Model"),
    Column("x_ModelVersion"),
    Column("x_Requests", "count"),
    Column("x_Team"),
    Column("x_UsageSource"),
)


def focus_columns(version: Version) -> tuple[Column, ...]:
    """The columns of a version, in order."""
    at = VERSIONS.index(version)
    return tuple(column for column in _COLUMNS if VERSIONS.index(column.since) <= at)


def focus_schema(version: Version) -> pa.Schema:
    """The same as an Arrow schema: money and quantities are decimals, times are in UTC."""
    return pa.schema([(column.name, _TYPES[column.kind]) for column in focus_columns(version)])
