"""What an operator can set for the store, the consumer and the dashboard, besides the hooks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from gatemeter.alert_settings import AlertSettings
from gatemeter.deployments import Facts
from gatemeter.focus_settings import FocusSettings
from gatemeter.provisioned_settings import ProvisionedList
from gateway_hooks.settings import PREFIX


class Settings(AlertSettings):
    """Settings of the whole of gatemeter, read once by the command line."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    store: Annotated[
        str | None,
        Field(description="Store: a folder, or a `ducklake:` address; default home/store"),
    ] = None
    batch_rows: Annotated[
        int,
        Field(
            ge=1,
            le=1_000_000,
            description="Events in one commit; while more wait, up to five times as many",
        ),
    ] = 20_000
    batch_seconds: Annotated[
        float, Field(gt=0, le=60, description="Oldest an event may get uncommitted")
    ] = 1.0
    event_hub_consumer_group: Annotated[
        str, Field(description="Consumer group that `consume` reads the hub as")
    ] = "$Default"
    event_hub_checkpoints: Annotated[
        SecretStr | None,
        Field(
            description="Storage account in which several consumers share a hub's partitions: a "
            "connection string, or https://ACCOUNT.blob.core.windows.net to log in by Entra. "
            "Default: this consumer is the only one of its group"
        ),
    ] = None
    event_hub_checkpoint_container: Annotated[
        str, Field(description="Blob container for that, made when it is not there")
    ] = "gatemeter-checkpoints"
    event_hub_balance_seconds: Annotated[
        float,
        Field(
            gt=0,
            le=300,
            description="How often consumers look whether the partitions are fairly shared; one "
            "that is silent for six times as long loses its own",
        ),
    ] = 10.0
    retention_days: Annotated[
        int | None,
        Field(ge=1, description="`maintain` deletes older events; rollups stay. Default: keep"),
    ] = None
    timezone: Annotated[str, Field(description="Time zone of business days in reports")] = "UTC"
    rates_file: Annotated[Path | None, Field(description="Your own prices and discounts, TOML")] = (
        None
    )
    deployments: Annotated[
        dict[str, Facts], Field(description="Model, type and region by deployment")
    ] = {}  # noqa: RUF012 - pydantic copies defaults
    provisioned: Annotated[
        ProvisionedList,
        Field(description="Provisioned throughput that was bought, see provisioned.md"),
    ] = ()
    llm_logs_alone: Annotated[
        bool,
        Field(
            description="Store API Management's LLM logs without their gateway logs: for teams "
            "that send no gateway logs. Requests then have no caller and no backend"
        ),
    ] = False
    focus: Annotated[
        FocusSettings, Field(description="What FOCUS exports say of the bill's parties")
    ] = FocusSettings()
    dashboard_port: Annotated[int, Field(ge=0, le=65535)] = 8501

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{value!r} is no time zone name such as Europe/Berlin") from None
        return value

    @property
    def store_url(self) -> str:
        """Where the store is."""
        return self.store or str(self.home / "store")
