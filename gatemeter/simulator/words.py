"""Filler text: words that are one token each, so that a text of n tokens can be made exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

_WORD_LIST: Final = (
    "anchor apple arrow bank basket bell berry bird blue book branch bridge bright button "
    "canvas castle chair circle cloud corner desk door early east eight fabric farm field "
    "fire flag floor forest fox gate glass gold gray green house lake leaf letter light "
    "little lock long market mirror moon morning mountain night north oak ocean orange paper "
    "path plain planet plate pocket quiet rain red river road robin root rose salt sand sea "
    "seed shadow shell silver sky small snow soft song south spring square star steel stone "
    "storm story stream summer sun table thread tower town trail tree walk wall water wave "
    "west wheel white wild wind window winter wood yellow young "
)
WORDS: Final = tuple(_WORD_LIST.split())


def filler(rng: Random, tokens: int) -> str:
    """A text of exactly `tokens` tokens in cl100k_base and o200k_base, and of no meaning."""
    if tokens <= 0:
        return ""
    words = rng.choices(WORDS, k=tokens)
    return " ".join([words[0].capitalize(), *words[1:]])
