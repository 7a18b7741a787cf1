"""Everything that runs inside a gateway process: reading requests and answers, recording events.

One line is enough for most gateways:

    app.add_middleware(UsageMiddleware)                        # FastAPI, Starlette, any ASGI
    AzureOpenAI(..., http_client=metered_client())             # the openai SDK
    litellm.callbacks = [GatemeterCallback()]                  # gateway_hooks.litellm_callback

Importing this package costs a gateway's start next to nothing: what is heavy (settings,
tokenizer, HTTP libraries) is imported when it is first used.
"""

from gateway_hooks.asgi import UsageMiddleware
from gateway_hooks.attempts import AttemptRecorder, annotate, record_attempt
from gateway_hooks.counters import CountersSnapshot
from gateway_hooks.errors import GatewayHooksError, SettingsError, SinkError, SinkFailed, SinkFull
from gateway_hooks.meter import Meter, default_meter, use_meter
from gateway_hooks.metered_clients import async_metered_client, metered_client
from gateway_hooks.sink import MemorySink, Sink
from gateway_hooks.transport import (
    AsyncMeteredTransport,
    MeteredTransport,
    async_metered_transport,
    metered_transport,
)

__all__ = [
    "AsyncMeteredTransport",
    "AttemptRecorder",
    "CountersSnapshot",
    "GatewayHooksError",
    "MemorySink",
    "Meter",
    "MeteredTransport",
    "SettingsError",
    "Sink",
    "SinkError",
    "SinkFailed",
    "SinkFull",
    "UsageMiddleware",
    "annotate",
    "async_metered_client",
    "async_metered_transport",
    "default_meter",
    "metered_client",
    "metered_transport",
    "record_attempt",
    "use_meter",
]
