"""Identifiers in the shape of the provider's, unique over all simulated resources."""

from __future__ import annotations

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 29) -> str:
    """`prefix` and so many random letters and digits."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))


def hex_id(prefix: str) -> str:
    """`prefix` and 48 hexadecimal digits, as the Responses API has them."""
    return prefix + secrets.token_hex(24)
