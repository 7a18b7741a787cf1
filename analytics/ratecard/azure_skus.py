"""Azure's words for how a deployment is sold, read as the types that rates are told apart by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_hooks.event import DeploymentType

_TYPES: Final[Mapping[str, DeploymentType]] = {
    "globalstandard": "global",
    "datazonestandard": "data_zone",
    "standard": "regional",
    "globalbatch": "batch",
    "datazonebatch": "data_zone_batch",
    "provisioned": "ptu",
    "provisionedmanaged": "ptu",
    "globalprovisionedmanaged": "ptu",
    "datazoneprovisionedmanaged": "ptu",
    # For trying out fine-tuned models: no hosting fee, tokens at the global price.
    "developertier": "global",
}


def type_of_sku(sku: str | None) -> DeploymentType | None:
    """The deployment type of a sku; None when it is not known."""
    return _TYPES.get((sku or "").lower())
