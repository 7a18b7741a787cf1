"""What a simulated Azure OpenAI resource is made of: its deployments, its limits, its moods."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

DeploymentKind = Literal["global", "data_zone", "regional", "ptu"]

BLOCKED_PROMPT: Final = "simulate-blocked-prompt"
"""A prompt that holds this word is refused by the content filter with a 400."""
JAILBREAK_PROMPT: Final = "simulate-jailbreak"
"""A prompt that holds this word is refused as a jailbreak attempt."""
BLOCKED_ANSWER: Final = "simulate-blocked-answer"
"""A prompt that holds this word gets an answer that the content filter cuts off."""

HARMFUL_ANSWER: Final = "simulate-harmful-answer"
"""A prompt that holds this word gets an answer that ends in a word which Content Safety finds."""

DEFAULT_MODELS: Final = (
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-4.1-mini",
    "o4-mini",
    "gpt-35-turbo",
    "gpt-35-turbo-instruct",
    "text-embedding-3-small",
    "text-embedding-ada-002",
    "dall-e-2",
    "dall-e-3",
    "gpt-image-1",
    "whisper",
    "gpt-4o-transcribe",
    "tts-1",
    "gpt-realtime",
)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of the resource. Limits of None never throttle."""

    name: str
    model: str
    tokens_per_minute: int | None = None
    requests_per_minute: int | None = None
    kind: DeploymentKind = "global"
    region: str | None = None

    @classmethod
    def parse(cls, text: str) -> Deployment:
        """Read `NAME=MODEL[:tpm=1000,rpm=6,type=ptu,region=westeurope]`.

        Raises:
            ValueError: the text does not have that form; the message says which part.
        """
        head, _, tail = text.partition(":")
        name, _, model = head.partition("=")
        if not name:
            raise ValueError(f"{text!r}: a deployment is NAME=MODEL[:tpm=..,rpm=..,type=..]")
        options = dict(_option(part) for part in tail.split(",") if part)
        if unknown := options.keys() - {"tpm", "rpm", "type", "region"}:
            raise ValueError(f"{text!r}: unknown option {', '.join(sorted(unknown))}")
        kinds: dict[str, DeploymentKind] = {name: name for name in get_args(DeploymentKind)}
        kind = kinds.get(options.get("type", "global"))
        if kind is None:
            raise ValueError(f"{text!r}: type is one of {', '.join(kinds)}")
        return cls(
            name=name,
            model=model or name,
            tokens_per_minute=_limit(text, options, "tpm"),
            requests_per_minute=_limit(text, options, "rpm"),
            kind=kind,
            region=options.get("region"),
        )


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """A whole simulated resource.

    `failures` maps a fault's name (see `faults.py`) to the probability that a request meets it.
    With no `keys` any key or bearer token is let in, but one must be there. `blocklists` are those
    of Content Safety: a list's name and the words in it.
    """

    deployments: tuple[Deployment, ...] = field(
        default_factory=lambda: tuple(Deployment(name, name) for name in DEFAULT_MODELS)
    )
    region: str = "eastus"
    keys: frozenset[str] = frozenset()
    seed: int = 0
    first_token_ms: float = 0.0
    token_ms: float = 0.0
    answer_tokens: tuple[int, int] = (8, 60)
    failures: Mapping[str, float] = field(default_factory=dict)
    blocklists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def find(self, name: str) -> Deployment | None:
        """The deployment of that name; names are compared as Azure does, without case."""
        wanted = name.lower()
        return next((one for one in self.deployments if one.name.lower() == wanted), None)


def _option(part: str) -> tuple[str, str]:
    key, equals, value = part.partition("=")
    if not equals:
        raise ValueError(f"{part!r} is not of the form option=value")
    return key.strip(), value.strip()


def _limit(text: str, options: dict[str, str], name: str) -> int | None:
    value = options.get(name)
    if value is None:
        return None
    if not value.isdigit():
        raise ValueError(f"{text!r}: {name} is a whole number")
    return int(value)
