"""What an operator can set for budgets, quotas, alerts and the channels that alerts go to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from analytics.alerts.rules import AlertRules
from analytics.budgets.budget import Budget
from analytics.quotas.quota import Quota
from gatemeter.channels.settings import ChannelSettings
from gateway_hooks.settings import HookSettings
from gateway_hooks.settings_errors import sentence, table_entry

if TYPE_CHECKING:
    from collections.abc import Iterable


class AlertSettings(HookSettings):
    """The tables `[[budgets]]`, `[[quotas]]`, `[[channels]]` and `[alerts]`."""

    budgets: Annotated[
        tuple[Budget, ...], Field(description="Limits for money, tokens or requests of a period")
    ] = ()
    quotas: Annotated[
        tuple[Quota, ...], Field(description="Contracted rates of deployments, and their alerts")
    ] = ()
    channels: Annotated[
        tuple[ChannelSettings, ...], Field(description="Where alerts go: webhook, smtp, command")
    ] = ()
    alerts: Annotated[AlertRules, Field(description="Which other alerts there are")] = AlertRules()

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        _once("budgets", (budget.name for budget in self.budgets))
        _once("channels", (channel.name for channel in self.channels))
        known = {channel.name for channel in self.channels}
        for place, names in (
            *((table_entry("budgets", None, one.name), one.channels) for one in self.budgets),
            *((table_entry("quotas", None, one.deployment), one.channels) for one in self.quotas),
            ("[alerts]", self.alerts.channels),
        ):
            for name in names:
                if name not in known:
                    what = (
                        f"there is no [[channels]] with the name {name!r}: add it or correct this"
                    )
                    raise ValueError(sentence(None, f"{place}, channels", what))
        return self


def _once(table: str, names: Iterable[str]) -> None:
    """Two of one name could not be told apart in alerts."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            what = f"there are two of the name {name!r}: give each its own"
            raise ValueError(sentence(None, f"[[{table}]], name", what))
        seen.add(name)
