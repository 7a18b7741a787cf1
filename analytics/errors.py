"""What can go wrong in the store, by what the caller does next.

AnalyticsError
|- StoreError           stop and say it: the store is missing, too new, or the address is wrong
|  |- StoreMissing      there is no store there yet
|- StoreBusy            try the same call again: somebody else was writing
|- LedgerConflict       read `positions` again: somebody else stored a part of this batch
|- BadLines             take the bad lines out of the batch and try again
|- QueryError           tell the person who asked: their query or report cannot be answered
|- RateCardError        stop and say it: a price file cannot be used
|- ExportError          stop and say it: a file cannot be read or written
|- DeploymentsError     stop and say it: a list of deployments cannot be used
|- KeysError            tell the person who asked: a key cannot be given to a team like that
"""

from __future__ import annotations


class AnalyticsError(Exception):
    """Anything the store raises on purpose; one line that says what to do."""


class StoreError(AnalyticsError):
    """The store cannot be used; trying again will not help."""


class StoreMissing(StoreError):
    """There is no store at the address yet."""


class StoreBusy(AnalyticsError):
    """Somebody else was writing; nothing was written, the same call may succeed now."""


class LedgerConflict(AnalyticsError):
    """A partition is not where the batch says it was; nothing was written."""


class BadLines(AnalyticsError):
    """The batch holds a line that is no event; nothing was written.

    `refused_lines` of this package says which and why.
    """


class QueryError(AnalyticsError):
    """A query is not allowed, wrong, or took too long."""


class RateCardError(AnalyticsError):
    """A price file cannot be used; the message names the entry."""


class ExportError(AnalyticsError):
    """A file of an export cannot be written, or one to compare with cannot be read."""


class DeploymentsError(AnalyticsError):
    """A list of deployments cannot be used; the message names the file and the entry."""


class KeysError(AnalyticsError):
    """A key cannot be given to a team like that; the message says what to give instead."""
