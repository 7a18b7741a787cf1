"""Content filter annotations in all the shapes backends send, merged into one small one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway_hooks.event import ContentFilter


def prompt_shield(found: ContentFilter | None) -> bool | None:
    """Whether an attack on the prompt was detected; None when nobody looked for one."""
    return None
