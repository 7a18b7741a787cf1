"""The hub of the settings: its address, and the source that reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_hooks.errors import SettingsError
from gateway_hooks.event_hubs import HubAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azure.eventhub.aio import CheckpointStore

    from gatemeter.settings import Settings
    from ingest.clock import Clock
    from ingest.event_hubs import EventHubsSource


def hub_address(settings: Settings) -> HubAddress:
    """The hub that is set.

    Raises:
        SettingsError: none is, or it is no address.
    """
    if settings.event_hub is None:
        raise SettingsError(
            "GATEMETER_EVENT_HUB is not set: give the connection string of a hub with EntityPath, "
            "or sb://NAMESPACE/HUB to log in by Entra"
        )
    return HubAddress.parse(
        settings.event_hub.get_secret_value(),
        transport=settings.event_hub_transport,
        endpoint=settings.event_hub_endpoint,
    )


def hub_source(
    settings: Settings, positions: Callable[[str], Mapping[str, int]], clock: Clock
) -> EventHubsSource:
    """The hub that is set, as a source; begins to receive.

    Args:
        settings: the operator's.
        positions: the store's positions of a source by its name.
        clock: for lag.

    Raises:
        SettingsError: no hub is set, or it or the storage account is no address.
    """
    from gatemeter.feeds import feed_reader
    from ingest.event_hubs import EventHubsSource, LoneOwner, blob_owners

    address, group = hub_address(settings), settings.event_hub_consumer_group
    account = _storage_account(settings)

    async def owners() -> CheckpointStore:
        if account is None:
            return LoneOwner()
        return await blob_owners(account, settings.event_hub_checkpoint_container)

    name = f"{address}/{group}"
    return EventHubsSource(
        name,
        connect=lambda store: address.consumer(
            group, store, balance_seconds=settings.event_hub_balance_seconds
        ),
        owners=owners,
        ledger=lambda: positions(name),
        feeds=feed_reader(settings),
        clock=clock,
    )


def _storage_account(settings: Settings) -> str | None:
    """Where consumers see each other; None: nowhere."""
    if settings.event_hub_checkpoints is None:
        return None
    text = settings.event_hub_checkpoints.get_secret_value()
    fields = {part.partition("=")[0].strip().lower() for part in text.split(";") if "=" in part}
    if fields & {"accountname", "blobendpoint"} or text.startswith("https://"):
        return text
    raise SettingsError(
        "GATEMETER_EVENT_HUB_CHECKPOINTS is no storage account: give its connection string "
        "(AccountName=...;AccountKey=...), or https://ACCOUNT.blob.core.windows.net"
    )
