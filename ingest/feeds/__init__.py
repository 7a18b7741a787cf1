"""Other gateways' logs as events of ours, one decoder a feed, chosen by the shape of a record."""

from ingest.feeds.reader import FEED_NAMES, FeedReader
from ingest.feeds.types import FeedPart, Rejected, Translated

__all__ = ["FEED_NAMES", "FeedPart", "FeedReader", "Rejected", "Translated"]
