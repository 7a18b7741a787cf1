"""What an event costs the request path, beside what peers put there, in one run.

    python bench/emit.py [--events N] [--json]

- event: compose, encode and append to the file queue, durable against `kill -9`, with `fdatasync`
  every 50 ms in the background. What the gateway pays for each request.
- middleware: a whole request through `UsageMiddleware`, less the same request without it: reading
  request and answer, the event included.
- OpenTelemetry: a span with 12 attributes and three histogram records, exported to nowhere.
- LiteLLM: its hand-over of one call to a callback that does nothing, as CPU time, since another
  thread does it. Runs in .venv-litellm when that is there (`make .venv-litellm`).

Ratios are to the event's p50. Absolutes depend on the machine; the ratios much less.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from gateway_hooks.asgi import UsageMiddleware
from gateway_hooks.attempts import AttemptRecorder
from gateway_hooks.exchange import Exchange
from gateway_hooks.meter import Meter
from gateway_hooks.settings import HookSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway_hooks.asgi_types import App, Message, Receive, Scope, Send

ROOT = Path(__file__).resolve().parent.parent
T = TypeVar("T")

LITELLM_PYTHON = ROOT / ".venv-litellm" / "bin" / "python"
WARM_UP = 500
ROUNDS = 10

REQUEST = json.dumps(
    {
        "model": "gpt-4o",
        "user": "user-1234",
        "messages": [{"role": "user", "content": "tell me about the weather " * 20}],
    }
).encode()
ANSWER = json.dumps(
    {
        "id": "chatcmpl-9f8d7c6b5a",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-2024-08-06",
        "service_tier": "default",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "rain " * 80},
                "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}},
            }
        ],
        "usage": {
            "prompt_tokens": 113,
            "completion_tokens": 84,
            "total_tokens": 197,
            "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }
).encode()
PATH = "/openai/deployments/gpt-4o/chat/completions"
QUERY = "api-version=2024-10-21"
REQUEST_HEADERS = {
    "api-key": "0123456789abcdef0123456789abcdef",
    "content-type": "application/json",
    "x-session-id": "session-42",
    "x-gatemeter-tags": "project=apollo,stage=prod",
}
ANSWER_HEADERS = {
    "content-type": "application/json",
    "apim-request-id": "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0",
    "x-ms-region": "Sweden Central",
    "x-ratelimit-limit-tokens": "120000",
    "x-ratelimit-remaining-tokens": "118790",
    "x-ratelimit-remaining-requests": "719",
}


class Way(Protocol):
    """One way to keep what a request used."""

    name: str

    def run(self, events: int) -> list[int]:
        """Keep so many events; the time of each in nanoseconds."""

    def close(self) -> None:
        """Let go of everything."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One way's cost, in microseconds a request."""

    name: str
    p50_us: float
    p99_us: float
    ratio: float
    """Of its p50 to the event's."""


def percentiles(samples: list[int]) -> tuple[float, float]:
    """p50 and p99 in microseconds of samples in nanoseconds."""
    ordered = sorted(samples)
    return ordered[len(ordered) // 2] / 1000, ordered[len(ordered) * 99 // 100] / 1000


def timed(step: Callable[[T], object], inputs: Iterable[T]) -> list[int]:
    """Time of each call; its input is made just before, as a request has just been read."""
    clock = time.perf_counter_ns
    samples = []
    for one in inputs:
        before = clock()
        step(one)
        samples.append(clock() - before)
    return samples


class EventWay:
    """Compose, encode and append; request and answer are read beforehand."""

    name = "event"

    def __init__(self, folder: Path) -> None:
        self._meter = Meter.from_settings(HookSettings.load(home=folder, gateway="bench"))

    def run(self, events: int) -> list[int]:
        """Time of each event."""
        return timed(Exchange.settle, (self._finished() for _ in range(events)))

    def _finished(self) -> Exchange:
        exchange = self._meter.begin("POST", PATH, QUERY, REQUEST_HEADERS)
        assert exchange is not None
        exchange.read_request(REQUEST)
        attempt = AttemptRecorder("contoso-sweden.openai.azure.com", exchange=exchange)
        exchange.add_attempt(attempt)
        attempt.answered(200, ANSWER_HEADERS)
        attempt.end()
        exchange.start_answer(200, ANSWER_HEADERS)
        exchange.feed_answer(ANSWER)
        # Reading the answer is the middleware's part, not the event's.
        exchange._finish_reading()
        return exchange

    def close(self) -> None:
        """Check that nothing was lost."""
        assert self._meter.counters.lost == 0, self._meter.counters
        self._meter.close()


class MiddlewareWay:
    """A request through the middleware, less the median of the application alone."""

    name = "middleware"

    def __init__(self, folder: Path) -> None:
        self._meter = Meter.from_settings(HookSettings.load(home=folder, gateway="bench"))
        self._metered = UsageMiddleware(application, self._meter)

    def run(self, events: int) -> list[int]:
        """Time that the middleware adds to each request."""
        alone = sorted(asyncio.run(serve(application, events)))
        return [
            sample - alone[len(alone) // 2] for sample in asyncio.run(serve(self._metered, events))
        ]

    def close(self) -> None:
        """Check that nothing was lost."""
        assert self._meter.counters.lost == 0, self._meter.counters
        self._meter.close()


SCOPE: Scope = {
    "type": "http",
    "method": "POST",
    "path": PATH,
    "query_string": QUERY.encode(),
    "headers": [(name.encode(), value.encode()) for name, value in REQUEST_HEADERS.items()],
}
RAW_ANSWER_HEADERS = [(name.encode(), value.encode()) for name, value in ANSWER_HEADERS.items()]


async def application(_scope: Scope, receive: Receive, send: Send) -> None:
    """A gateway that has its answer at hand."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": RAW_ANSWER_HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})


async def serve(app: App, events: int) -> list[int]:
    """Time of each request."""

    async def receive() -> Message:
        return {"type": "http.request", "body": REQUEST, "more_body": False}

    async def send(_message: Message) -> None:
        """The server's end."""

    clock = time.perf_counter_ns
    samples = []
    for _ in range(events):
        before = clock()
        await app({**SCOPE}, receive, send)
        samples.append(clock() - before)
    return samples


class Nowhere(SpanExporter):
    """Takes spans and forgets them."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Forget."""
        assert spans
        return SpanExportResult.SUCCESS


class OpenTelemetryWay:
    """The same facts as a span and three metrics."""

    name = "opentelemetry"

    def __init__(self) -> None:
        self._tracers = TracerProvider()
        self._tracers.add_span_processor(BatchSpanProcessor(Nowhere()))
        self._tracer = self._tracers.get_tracer("bench")
        self._meters = MeterProvider([InMemoryMetricReader()])
        meter = self._meters.get_meter("bench")
        self._duration = meter.create_histogram("gen_ai.client.operation.duration", "s")
        self._tokens = meter.create_histogram("gen_ai.client.token.usage", "{token}")

    def run(self, events: int) -> list[int]:
        """Time of each span with its records."""
        return timed(self._record, [None] * events)

    def _record(self, _: None) -> None:
        with self._tracer.start_as_current_span("chat gpt-4o") as span:
            span.set_attributes(SPAN_ATTRIBUTES)
        self._duration.record(1.25, LABELS)
        self._tokens.record(113, {**LABELS, "gen_ai.token.type": "input"})
        self._tokens.record(84, {**LABELS, "gen_ai.token.type": "output"})

    def close(self) -> None:
        """Stop the exporter's thread."""
        self._tracers.shutdown()
        self._meters.shutdown()


SPAN_ATTRIBUTES: dict[str, str | int] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "azure.ai.openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "chatcmpl-9f8d7c6b5a",
    "gen_ai.usage.input_tokens": 113,
    "gen_ai.usage.output_tokens": 84,
    "gen_ai.usage.cache_read.input_tokens": 64,
    "gen_ai.conversation.id": "session-42",
    "server.address": "contoso-sweden.openai.azure.com",
    "server.port": 443,
    "openai.response.service_tier": "default",
}
LABELS = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "azure.ai.openai"}


LITELLM = """
import json, os, sys, time, warnings
warnings.simplefilter("ignore")
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils.litellm_logging import Logging

class Nothing(CustomLogger):
    pass

spent_ns = []
handle = Logging.success_handler

def timed(*arguments, **named):
    before = time.thread_time_ns()
    try:
        return handle(*arguments, **named)
    finally:
        spent_ns.append(time.thread_time_ns() - before)

Logging.success_handler = timed
litellm.callbacks = [Nothing()]
for _ in range(int(sys.argv[1])):
    litellm.completion(
        model="azure/gpt-4o", api_key="k", api_base="http://127.0.0.1:9",
        mock_response="rain " * 80,
        messages=[{"role": "user", "content": "tell me about the weather " * 20}],
    )
time.sleep(0.5)
print(json.dumps(spent_ns[len(spent_ns) // 10:]))
"""


def measure_litellm(events: int) -> list[int] | None:
    """CPU time of LiteLLM's hand-over to a callback; None where LiteLLM is not installed."""
    if not LITELLM_PYTHON.exists():
        return None
    calls = str(max(50, min(events // 20, 1000)))
    done = subprocess.run(
        [LITELLM_PYTHON, "-c", LITELLM, calls], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"LiteLLM's part failed:\n{done.stderr}")
    samples: list[int] = json.loads(done.stdout.splitlines()[-1])
    return samples


def measure(events: int) -> list[Figure]:
    """Every way in turns, so that whatever else the machine does meets all of them."""
    with tempfile.TemporaryDirectory() as folder:
        ways: list[Way] = [
            EventWay(Path(folder) / "event"),
            MiddlewareWay(Path(folder) / "middleware"),
            OpenTelemetryWay(),
        ]
        samples: dict[str, list[int]] = {way.name: [] for way in ways}
        for way in ways:
            way.run(WARM_UP)
        for _ in range(ROUNDS):
            for way in ways:
                samples[way.name] += way.run(-(-events // ROUNDS))
        for way in ways:
            way.close()
    of_litellm = measure_litellm(events)
    if of_litellm is not None:
        samples["litellm"] = of_litellm
    event_p50, _ = percentiles(samples["event"])
    figures = []
    for name, of_way in samples.items():
        p50, p99 = percentiles(of_way)
        figures.append(Figure(name, p50, p99, p50 / event_p50))
    return figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=20_000, help="requests of each kind")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures = measure(options.events)
    if options.json:
        print(json.dumps({"events": options.events, "figures": [asdict(one) for one in figures]}))
        return
    print(f"{'':14} {'p50 us':>9} {'p99 us':>9} {'ratio':>7}")
    for one in figures:
        print(f"{one.name:14} {one.p50_us:9.1f} {one.p99_us:9.1f} {one.ratio:7.1f}")
    if all(one.name != "litellm" for one in figures):
        print("litellm        skipped: there is no .venv-litellm (make .venv-litellm)")


if __name__ == "__main__":
    main()
