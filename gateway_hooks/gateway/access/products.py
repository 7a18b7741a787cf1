"""Which deployments a product may call; patterns compiled once for all requests."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from gateway_hooks.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway_hooks.gateway.access.settings import Product


class Allowance:
    """What one product may do."""

    def __init__(self, product: Product) -> None:
        patterns = (fnmatch.translate(one.lower()) for one in product.deployments)
        self._allowed = re.compile("|".join(patterns))
        self.is_unrestricted = product.is_unrestricted
        self.allows_other_operations = product.allows_other_operations
        self.may_leave_the_gateway = product.other_operations is True
        """Whether it may have keys for the backends: never unless the settings say so."""

    def may_call(self, deployment: str) -> bool:
        """Whether it may call a deployment or model; in either case, as Azure takes names."""
        return self.is_unrestricted or self._allowed.fullmatch(deployment.lower()) is not None


def allowances(products: Sequence[Product]) -> dict[str, Allowance]:
    """By the product's name.

    Raises:
        SettingsError: two products share a name.
    """
    found: dict[str, Allowance] = {}
    for product in products:
        if product.name in found:
            raise SettingsError(f"two products are called {product.name}: rename one of them")
        found[product.name] = Allowance(product)
    return found
