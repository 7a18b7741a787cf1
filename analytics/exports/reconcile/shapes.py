"""The shapes of Azure's cost exports: which column of which of them says what.

Cost details (actual or amortized cost) differ between Enterprise Agreement and Microsoft Customer
Agreement in spelling and case; FOCUS exports have the standard's names and Azure's own beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of export: for each thing that we read, the columns that may hold it, best first."""

    name: str
    columns: Mapping[str, tuple[str, ...]]
    required: Mapping[str, str]
    """What a file has to say, with the usual column's name."""

    def find(self, present: Iterable[str]) -> dict[str, str]:
        """The file's own column for each thing that it says."""
        known = {name.strip().lower(): name for name in present}
        found = {
            thing: next((known[name] for name in names if name in known), None)
            for thing, names in self.columns.items()
        }
        return {thing: name for thing, name in found.items() if name is not None}

    def missing(self, present: Iterable[str]) -> list[str]:
        """What it has to say and does not, by the name of the usual column."""
        found = self.find(present)
        return [usual for thing, usual in self.required.items() if thing not in found]


COST_DETAILS: Final = Shape(
    "cost details",
    {
        "day": ("date", "usagedatetime", "usagedate"),
        "meter": ("metername", "meter"),
        "service": ("metercategory", "servicename"),
        "product": ("metersubcategory", "meter subcategory"),
        "product_name": ("productname", "product"),
        "quantity": ("quantity", "usagequantity", "consumedquantity"),
        "unit": ("unitofmeasure", "unit"),
        "cost": ("costinbillingcurrency", "cost", "pretaxcost"),
        "currency": ("billingcurrency", "billingcurrencycode", "currency"),
        "pricing_cost": ("costinpricingcurrency",),
        "pricing_currency": ("pricingcurrency",),
        "usd_cost": ("costinusd",),
        "resource": ("resourceid", "instanceid", "instancename"),
        "charge_type": ("chargetype",),
    },
    {
        "day": "Date", "meter": "MeterName", "quantity": "Quantity", "unit": "UnitOfMeasure",
        "cost": "CostInBillingCurrency", "currency": "BillingCurrency",
    },
)  # fmt: skip
FOCUS: Final = Shape(
    "FOCUS",
    {
        "day": ("chargeperiodstart",),
        "meter": ("x_skumetername", "skumeter"),
        "service": ("x_skumetercategory", "servicename"),
        "product": ("x_skumetersubcategory",),
        "product_name": ("servicename",),
        "quantity": ("pricingquantity",),
        "unit": ("x_pricingunitdescription", "pricingunit"),
        "cost": ("billedcost",),
        "effective_cost": ("effectivecost",),
        "currency": ("billingcurrency",),
        "pricing_cost": ("x_billedcostinpricingcurrency",),
        "pricing_currency": ("pricingcurrency", "x_pricingcurrency"),
        "usd_cost": ("x_billedcostinusd",),
        "resource": ("resourceid",),
        "charge_type": ("chargecategory",),
    },
    {
        "day": "ChargePeriodStart", "meter": "SkuMeter", "quantity": "PricingQuantity",
        "unit": "PricingUnit", "cost": "BilledCost", "currency": "BillingCurrency",
    },
)  # fmt: skip


def shape_of(present: Iterable[str]) -> Shape:
    """The shape whose columns these are; the one that lacks fewest when they are neither's."""
    names = list(present)
    return min((FOCUS, COST_DETAILS), key=lambda shape: len(shape.missing(names)))
