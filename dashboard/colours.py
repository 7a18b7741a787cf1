"""One colour per backend, key, team or model, on every chart and every page.

A value's colour follows from its place in the order in which values were first seen, so it stays
when new ones appear. With more values than colours, two on the same chart may want the same one;
the later takes the next that is free there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.theme import BAD, GOOD, NEUTRAL, OTHERS, SERIES, WARNING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OTHERS_LABEL = "all others"

STATUS = {
    "2xx": GOOD,
    "4xx": "#b58a3c",
    "429": WARNING,
    "5xx": BAD,
    "client left": NEUTRAL,
}
THROTTLE = {
    "token_rate": "#e8a33d",
    "call_rate": "#d9744a",
    "capacity": "#d65656",
    "busy": "#b58a3c",
    "gateway": "#9467d6",
    "unknown": NEUTRAL,
}
TOKENS = {"input": "#3f7fd9", "cached input": "#9cc3f5", "output": "#e0863a"}
SOURCES = {"reported": GOOD, "estimated": WARNING, "derived": "#9467d6"}


def colours_of(shown: Iterable[str], known: Sequence[str]) -> dict[str, str]:
    """A colour for each of `shown`; `known` are all values in the order of first sight."""
    places = {name: place for place, name in enumerate(known)}
    colours: dict[str, str] = {}
    for name in sorted(set(shown), key=lambda name: (places.get(name, len(places)), name)):
        if name == OTHERS_LABEL:
            colours[name] = OTHERS
            continue
        start = places.get(name, len(places))
        wanted = [SERIES[(start + step) % len(SERIES)] for step in range(len(SERIES))]
        free = [colour for colour in wanted if colour not in colours.values()]
        colours[name] = free[0] if free else wanted[0]
    return colours
