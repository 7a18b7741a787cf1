"""Finding a key by what people call it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from analytics.errors import KeysError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.store import Store

_FINGERPRINT: Final = re.compile(r"k_[0-9a-f]{16}")
_IDS: Final = """
    SELECT DISTINCT key_id FROM usage.traffic_hourly WHERE key_id = $1 OR key_name = $1
    UNION SELECT key_id FROM usage.keys WHERE key_id = $1 OR key_name = $1
"""


def find_key(store: Store, text: str, named: Mapping[str, str | None]) -> str:
    """The fingerprint of the key that `text` names.

    Args:
        store: knows the names that events carried, and those that were assigned.
        text: a name, or a fingerprint, also of a key that was not seen yet.
        named: names that the settings give, by fingerprint.

    Raises:
        KeysError: no key is called that, or several are.
    """
    if _FINGERPRINT.fullmatch(text):
        return text
    found = {str(row[0]) for row in store.frame(_IDS, [text]).iter_rows() if row[0] is not None}
    found |= {key_id for key_id, name in named.items() if name == text}
    if len(found) > 1:
        listed = ", ".join(sorted(found))
        raise KeysError(f"several keys are called {text}: give one of {listed}")
    if not found:
        raise KeysError(
            f"no key is called {text}: `gatemeter report spend --by key` lists those that were seen"
        )
    return found.pop()
