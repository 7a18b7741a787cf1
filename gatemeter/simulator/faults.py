"""Failures on demand: by name in the header `x-simulate`, or by probability.

429-tokens, 429-calls, 429-busy, 429-ptu   refused, with Azure's headers and body
500, 503                                   Azure's own server errors
html-502                                   a proxy's HTML page instead of JSON
reset                                      the connection is reset, nothing is answered
hang                                       accepted and never answered
slow                                       ten times the latency, at least half a second
cut-stream                                 the answer stops half way and the connection closes
no-usage                                   the answer carries no usage
malformed                                  the answer is no valid JSON
filtered-answer                            the completion is cut off by the content filter
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gatemeter.simulator import errors
from gatemeter.simulator.limits import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

HEADER: Final = "x-simulate"
FAULTS: Final = (
    "429-tokens",
    "429-calls",
    "429-busy",
    "429-ptu",
    "500",
    "503",
    "html-502",
    "reset",
    "hang",
    "slow",
    "cut-stream",
    "no-usage",
    "malformed",
    "filtered-answer",
)
EVERYDAY: Final = ("429-busy", "503", "html-502", "reset")
"""What a fail rate without names is spread over: failures a gateway can fail over from."""


def choose(header: str | None, failures: Mapping[str, float], rng: Random) -> str | None:
    """The fault a request meets: the one it asks for, or one drawn by probability."""
    if header is not None:
        if header not in FAULTS:
            raise errors.bad_request(
                f"{HEADER}: {header!r} is not one of {', '.join(FAULTS)}", HEADER
            )
        return header
    if not failures:
        return None
    draw = rng.random()
    for name, probability in failures.items():
        draw -= probability
        if draw < 0:
            return name
    return None


def refuse(fault: str | None, operation: str, api_version: str) -> None:
    """Raise the refusal that a fault stands for, if it is one.

    Raises:
        AzureError: a 429, 500 or 503.
    """
    match fault:
        case "429-tokens":
            raise errors.throttled(Refusal("tokens", 7.5), operation, api_version)
        case "429-calls":
            raise errors.throttled(Refusal("calls", 1.0), operation, api_version)
        case "429-busy":
            raise errors.high_demand()
        case "429-ptu":
            raise errors.throttled(Refusal("ptu", 0.25), operation, api_version)
        case "500" | "503":
            raise errors.server_error(int(fault))
