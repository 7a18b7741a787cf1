"""The reader of other gateways' logs that the settings describe; for files and for hubs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_hooks.settings import key_salt
from ingest.feeds import FeedReader

if TYPE_CHECKING:
    from gatemeter.settings import Settings


def feed_reader(settings: Settings, *, only: str | None = None) -> FeedReader:
    """A reader; its salt, names and backends are those of the hooks.

    Raises:
        SettingsError: no salt is set and none can be kept.
    """
    return FeedReader.of(
        salt=key_salt(settings),
        gateway=settings.gateway,
        keys=settings.keys,
        backends=settings.backends,
        llm_alone=settings.llm_logs_alone,
        only=only,
    )
