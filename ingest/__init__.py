"""From the log to the store: sources, decoding, dead letters and the consumer loop."""

from ingest.clock import Clock, SystemClock
from ingest.consumer import BatchLimits, Consumer, Progress
from ingest.destination import Destination
from ingest.errors import IngestError
from ingest.file_queue import FileQueueSource
from ingest.memory import MemorySource
from ingest.shutdown import Shutdown
from ingest.source import Source
from ingest.totals import Totals
from ingest.types import Chunk, Fault, Lag, Partition, Position, SourceCounts

__all__ = [
    "BatchLimits",
    "Chunk",
    "Clock",
    "Consumer",
    "Destination",
    "Fault",
    "FileQueueSource",
    "IngestError",
    "Lag",
    "MemorySource",
    "Partition",
    "Position",
    "Progress",
    "Shutdown",
    "Source",
    "SourceCounts",
    "SystemClock",
    "Totals",
]
