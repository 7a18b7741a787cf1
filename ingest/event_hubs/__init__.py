"""Azure Event Hubs as a source, shared by any number of consumers."""

from ingest.event_hubs.owners import LoneOwner, blob_owners
from ingest.event_hubs.source import EventHubsSource, HubLimits

__all__ = ["EventHubsSource", "HubLimits", "LoneOwner", "blob_owners"]
