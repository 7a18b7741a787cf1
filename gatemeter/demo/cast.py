"""Who and what the demo is made of: backends, deployments, callers. All of it is invented."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gatemeter.simulator.config import Deployment, SimulatorConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_hooks.event import DeploymentType


@dataclass(frozen=True, slots=True)
class DemoBackend:
    """One simulated resource, and what the gateway is told of it."""

    name: str
    region: str
    deployment_type: DeploymentType
    deployments: tuple[Deployment, ...]
    failures: Mapping[str, float] = field(default_factory=dict)
    first_token_ms: float = 80.0
    token_ms: float = 5.0

    @property
    def key_variable(self) -> str:
        """The environment variable that tells the gateway this backend's key."""
        return f"DEMO_{self.name.upper().replace('-', '_')}_KEY"

    @property
    def key(self) -> str:
        """The key this backend wants; callers never have it."""
        return f"demo-backend-key-{self.name}"

    def simulator(self, seed: int) -> SimulatorConfig:
        """The resource behind it."""
        return SimulatorConfig(
            deployments=self.deployments,
            region=self.region,
            keys=frozenset({self.key}),
            seed=seed,
            first_token_ms=self.first_token_ms,
            token_ms=self.token_ms,
            answer_tokens=(8, 90),
            failures=self.failures,
        )


@dataclass(frozen=True, slots=True)
class DemoCaller:
    """A program that calls models, with a key of its own or an Entra identity."""

    name: str
    team: str
    key: str | None = field(default=None, repr=False)
    identity: str | None = None
    has_alias: bool = True
    share: int = 1
    """How much of the traffic is its own, against the others' shares."""

    @property
    def bearer_token(self) -> str | None:
        """A token in the form of Entra's, signed by nobody."""
        if self.identity is None:
            return None
        parts = ({"alg": "none", "typ": "JWT"}, {"oid": self.identity, "aud": "demo"})
        encoded = [
            base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
            for part in parts
        ]
        return ".".join([*encoded, "demo"])

    @property
    def fingerprinted(self) -> str:
        """What its fingerprint is made of."""
        return self.identity or self.key or ""


MODELS: Final[dict[str, str]] = {
    "chat": "gpt-4o",
    "chat-mini": "gpt-4o-mini",
    "chat-new": "gpt-4.1-mini",
    "reasoning": "o4-mini",
    "chat-legacy": "gpt-35-turbo",
    "instruct": "gpt-35-turbo-instruct",
    "embed": "text-embedding-3-small",
    "draw": "dall-e-3",
    "draw-classic": "dall-e-2",
    "draw-new": "gpt-image-1",
    "listen": "whisper",
    "listen-new": "gpt-4o-transcribe",
    "speak": "tts-1",
    "experiment": "in-house-chat-1",
}
"""Model by deployment. The last one is on no rate card, so that it shows up as unpriced."""


def _everything(*busy: Deployment, but: str = "") -> tuple[Deployment, ...]:
    given = {one.name: one for one in busy}
    return tuple(
        given.get(name, Deployment(name, model)) for name, model in MODELS.items() if name != but
    )


BACKENDS: Final = (
    DemoBackend(
        "eastus-ptu",
        "eastus",
        "ptu",
        (
            Deployment("chat", "gpt-4o", tokens_per_minute=12_000, kind="ptu"),
            Deployment("chat-mini", "gpt-4o-mini", tokens_per_minute=15_000, kind="ptu"),
        ),
        first_token_ms=50.0,
        token_ms=3.0,
    ),
    DemoBackend(
        "eastus2-global",
        "eastus2",
        "global",
        _everything(
            Deployment("chat-new", "gpt-4.1-mini", tokens_per_minute=8_000),
            Deployment("embed", "text-embedding-3-small", requests_per_minute=60),
            Deployment("reasoning", "o4-mini", requests_per_minute=12),
        ),
        failures={"503": 0.01, "html-502": 0.005, "reset": 0.005, "429-busy": 0.02},
    ),
    DemoBackend(
        "sweden-regional",
        "swedencentral",
        "regional",
        _everything(
            Deployment("reasoning", "o4-mini", requests_per_minute=6),
            but="draw-new",  # there is no regional price of it
        ),
        first_token_ms=110.0,
        token_ms=7.0,
    ),
)

CALLERS: Final = (
    DemoCaller("checkout-assistant", "shop", key="demo-key-checkout", share=6),
    DemoCaller("catalogue-indexer", "search", key="demo-key-catalogue", share=4),
    DemoCaller("support-chat", "support", key="demo-key-support", share=5),
    DemoCaller("marketing-studio", "marketing", key="demo-key-studio", share=2),
    DemoCaller("notebooks", "research", identity="9c1f7f5e-demo-identity", share=3),
    DemoCaller("somebody", "", key="demo-key-without-a-name", has_alias=False),
)
