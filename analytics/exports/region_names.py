"""What Azure calls its regions in the portal; FOCUS asks for the id and the name."""

from __future__ import annotations

import re
from typing import Final

_NAMES: Final = (
    "Australia Central", "Australia East", "Australia Southeast", "Austria East",
    "Belgium Central", "Brazil South", "Brazil Southeast", "Canada Central", "Canada East",
    "Central India", "Central US", "Chile Central", "Denmark East", "East Asia", "East US",
    "East US 2", "East US 3", "Finland Central", "France Central", "France South",
    "Germany North", "Germany West Central", "Greece Central", "Indonesia Central",
    "Israel Central", "Italy North", "Japan East", "Japan West", "Korea Central", "Korea South",
    "Malaysia West", "Mexico Central", "New Zealand North", "North Central US", "North Europe",
    "Norway East", "Norway West", "Poland Central", "Qatar Central", "South Africa North",
    "South Africa West", "South Central US", "South India", "Southeast Asia", "Spain Central",
    "Sweden Central", "Sweden South", "Switzerland North", "Switzerland West", "UAE Central",
    "UAE North", "UK South", "UK West", "West Central US", "West Europe", "West India", "West US",
    "West US 2", "West US 3", "USGov Arizona", "USGov Texas", "USGov Virginia",
)  # fmt: skip
REGION_NAMES: Final = {re.sub(r"\s", "", name).lower(): name for name in _NAMES}
"""By id; a region that is not among them keeps its id as its name."""
