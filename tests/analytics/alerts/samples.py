"""Alerts and channels for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from analytics.alerts import Alert, AlertRules, DeliveryFailed, Message, Watch
from analytics.budgets import Budget
from analytics.quotas import Quota


def alert(subject: str = "all", *, channels: tuple[str, ...] = ("one",), **fields: Any) -> Alert:
    """An alert of a budget."""
    made: dict[str, Any] = {
        "period": "2026-11",
        "threshold": "80",
        "title": f"Budget {subject}",
        "text": "80 %",
    }
    return Alert(kind="budget", subject=subject, channels=channels, **{**made, **fields})


def watch(
    *budgets: Budget, quotas: tuple[Quota, ...] = (), rules: AlertRules | None = None
) -> Watch:
    """What is watched: these budgets and quotas, and nothing else unless rules say so."""
    nothing = AlertRules(anomaly_by=(), unpriced=False, dead_letters=False, channels=("one",))
    return Watch(budgets, quotas, rules or nothing, "Europe/Berlin")


@dataclass
class KeptChannel:
    """Keeps what it is sent; fails as often as it is told to before."""

    failures: int = 0
    error: Exception = field(default_factory=lambda: DeliveryFailed("it is broken"))
    sent: list[Message] = field(default_factory=list)
    tried: int = 0

    def send(self, message: Message) -> None:
        """Take it, or fail."""
        self.tried += 1
        if self.failures > 0:
            self.failures -= 1
            raise self.error
        self.sent.append(message)
