"""What can go wrong in the hooks, by what the caller does next.

GatewayHooksError
|- SettingsError        stop the start: a setting is wrong; the message names it
|- SinkError            count the event as dropped, with the reason
|  |- SinkFull
|  |- SinkFailed
|- QueueError           stop reading the queue: nothing is lost, a restart goes on
   |- QueueLocked
   |- QueueUnusable
"""


class GatewayHooksError(Exception):
    """Anything the hooks raise on purpose."""


class SettingsError(GatewayHooksError):
    """A setting cannot be used; the message names the variable and what to do."""


class SinkError(GatewayHooksError):
    """An event could not be kept. `reason` is the counter's label."""

    reason = "sink_error"


class SinkFull(SinkError):
    """The log's disk budget is used up."""

    reason = "queue_full"


class SinkFailed(SinkError):
    """The log cannot be written."""

    reason = "write_failed"


class QueueError(GatewayHooksError):
    """The queue cannot be read; the message is one line that says what to do."""


class QueueLocked(QueueError):
    """Another process reads this queue."""


class QueueUnusable(QueueError):
    """A file of the queue cannot be read or changed."""
