"""What the proxy wants to know of backends: whom to ask, and whom to tell how it went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway_hooks.gateway.backends import Backend
    from gateway_hooks.gateway.cooldown import Cooldowns


class RealtimePool(Protocol):
    """The backends; called on the event loop, never blocks, never raises."""

    def candidates(self, deployment: str | None) -> Sequence[Backend]:
        """Who may be asked now, best first."""

    def throttled(
        self, backend: Backend, deployment: str | None, retry_after_ms: float | None
    ) -> None:
        """The backend asked to be left alone."""

    def troubled(self, backend: Backend, deployment: str | None) -> None:
        """The backend failed."""

    def absent(self, backend: Backend, deployment: str | None) -> None:
        """The backend does not have the deployment."""

    def answered(self, backend: Backend, deployment: str | None) -> None:
        """The backend has taken a session on."""

    def wait_ms(self, deployment: str | None) -> float:
        """How long until the first backend may be asked again."""


class CooldownPool:
    """Backends in order of priority, behind the memory that HTTP requests use, too."""

    def __init__(self, backends: Sequence[Backend], cooldowns: Cooldowns) -> None:
        self._backends = backends
        self._cooldowns = cooldowns
        self.throttled = cooldowns.throttled
        self.troubled = cooldowns.troubled
        self.absent = cooldowns.absent
        self.answered = cooldowns.answered

    def candidates(self, deployment: str | None) -> Sequence[Backend]:
        """Who may be asked now, best first."""
        return self._cooldowns.order(self._backends, deployment)

    def wait_ms(self, deployment: str | None) -> float:
        """How long until the first backend may be asked again."""
        return self._cooldowns.wait_ms(self._backends, deployment)
