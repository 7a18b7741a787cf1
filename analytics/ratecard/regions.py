"""Azure's regions: one spelling, and the data zone that each belongs to."""

from __future__ import annotations

from typing import Final

EU: Final = frozenset(
    {
        "austriaeast", "belgiumcentral", "denmarkeast", "finlandcentral", "francecentral",
        "francesouth", "germanynorth", "germanywestcentral", "greececentral", "italynorth",
        "northeurope", "polandcentral", "spaincentral", "swedencentral", "swedensouth",
        "westeurope",
    }
)  # fmt: skip
US: Final = frozenset(
    {
        "centralus", "eastus", "eastus2", "eastus3", "northcentralus", "southcentralus",
        "westcentralus", "westus", "westus2", "westus3",
    }
)  # fmt: skip


def region_name(region: str | None) -> str | None:
    """Azure's name of a region: `Sweden Central` is `swedencentral`."""
    if region is None:
        return None
    return region.lower().replace(" ", "").replace("-", "") or None


def zone_of(region: str) -> str | None:
    """The data zone of a region, as rates name it; None outside the EU and the US."""
    if region in EU:
        return "eu"
    return "us" if region in US else None
