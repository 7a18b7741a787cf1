"""Who may call the gateway, and what: keys of its own, Entra tokens, products, owners.

Two hooks, each usable alone: `AccessControl` stands outside of metering, `Permissions` inside.
`AccessState` is what outlives a reload of settings.
"""

from gateway_hooks.gateway.access.access_control import AccessControl, Door
from gateway_hooks.gateway.access.denied import answer_denied
from gateway_hooks.gateway.access.entra import EntraTokens
from gateway_hooks.gateway.access.key_file import KeyFile, KeyFileError
from gateway_hooks.gateway.access.key_snapshot import KeySnapshot
from gateway_hooks.gateway.access.owners import Owners, OwnersFile, OwnersInMemory
from gateway_hooks.gateway.access.permissions import Permissions
from gateway_hooks.gateway.access.settings import AccessSettings, EntraRule, Product
from gateway_hooks.gateway.access.signing_keys import SigningKeys
from gateway_hooks.gateway.access.state import AccessState

__all__ = [
    "AccessControl",
    "AccessSettings",
    "AccessState",
    "Door",
    "EntraRule",
    "EntraTokens",
    "KeyFile",
    "KeyFileError",
    "KeySnapshot",
    "Owners",
    "OwnersFile",
    "OwnersInMemory",
    "Permissions",
    "Product",
    "SigningKeys",
    "answer_denied",
]
