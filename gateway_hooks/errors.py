"""What can go wrong in the hooks, by what the caller does next.

GatewayHooksError
|- SettingsError        stop the start: a setting is wrong; the message names it
|- SinkError            count the event as dropped, with the reason
   |- SinkFull
   |- SinkFailed
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
