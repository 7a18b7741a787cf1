"""What can go wrong in ingest, by what the caller does next.

IngestError               stop the process: nothing is lost, a restart goes on from the ledger
|- SourceFailed           the hub cannot be read; the message says what to do
|- StoreStayedBusy        the store refused for longer than we are willing to wait
|- LedgerContested        someone else moves the same partitions all the time
|- PathsDisagree          the store refuses lines that are valid events: a bug, not bad data
|- CountsDisagree         the store took another number of lines than it was given: a bug

What is retried (`StoreBusy`, `LedgerConflict`) and what becomes dead letters (`BadLines`) is said
by `analytics.errors`. The file queue raises `gateway_hooks.errors.QueueError`, also to stop.
"""


class IngestError(Exception):
    """Anything ingest raises on purpose; the message is one line that says what to do."""


class SourceFailed(IngestError):
    """The source cannot be read."""


class StoreStayedBusy(IngestError):
    """The store was busy at every try."""


class LedgerContested(IngestError):
    """The ledger moved under us again and again."""


class PathsDisagree(IngestError):
    """The fast path refuses what the slow path accepts."""


class CountsDisagree(IngestError):
    """Lines given and lines accounted for are not the same number."""
