"""Whether a JSON text gives a name twice in one object.

Readers differ on which of the two counts. A harmless text for the check beside a harmful one for
the model would be a way around the check.
"""

from __future__ import annotations

import json
from typing import Any


class _Twice(Exception):
    """A name was given twice."""


def names_twice(body: bytes) -> bool:
    """Whether any object of a JSON text has a name twice, or is nested too deeply to be sure."""
    try:
        json.loads(body.decode("utf-8-sig", "replace"), strict=False, object_pairs_hook=_check)
    except (_Twice, RecursionError):
        return True
    except ValueError:
        return False  # whoever decodes it says what is wrong with it
    return False


def _check(pairs: list[tuple[str, Any]]) -> None:
    if len(pairs) > 1 and len({name for name, _ in pairs}) < len(pairs):
        raise _Twice
