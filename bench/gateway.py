"""What the gateway adds to a request, beside calling the backend directly, in one run.

    python bench/gateway.py [--requests N] [--soak MINUTES] [--json]

- direct: the backend, a program that answers at once, called without anything between.
- pass-through: `gatemeter gateway` that lets everybody in; each request is metered and durable.
- all policies: with keys of its own, products, token limits and bounds.
- LiteLLM proxy and Portkey's gateway, in front of the same backend, when LITELLM_PROXY names the
  command of `pip install 'litellm[proxy]'` (not 1.107.0, which was compromised) and PORTKEY_GATEWAY
  that of `npm install @portkey-ai/gateway` (`node_modules/.bin/gateway`).

Time is measured by one caller at a time, with the ways taking turns, so that a noisy machine is
noisy for all. Requests a second and CPU time of the serving process are those of the least
disturbed of some rounds of sixteen callers at once, with a core for the gateway alone.
`--soak` streams for minutes and prints the gateway's memory, which must not grow.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

if TYPE_CHECKING:
    from collections.abc import Iterator

GATEMETER = [sys.executable, "-c", "from gatemeter.cli import main; main()"]
"""The command of the tree that PYTHONPATH names, or of the installed one."""
CALLERS = 16
ROUNDS = 10
WARM_UP = 200
PATH = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
WORDS = "tell me about the weather " * 20
FRAME = {"choices": [{"index": 0, "delta": {"content": "hello world "}}], "model": "gpt-4o"}
ANSWER: dict[str, Any] = {
    "id": "chatcmpl-9f8d7c6b5a",
    "object": "chat.completion",
    "created": 1_790_000_000,
    "model": "gpt-4o-2024-11-20",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "It rains. " * 40},
        }
    ],
    "usage": {"prompt_tokens": 107, "completion_tokens": 121, "total_tokens": 228},
}


class Backend(asyncio.Protocol):
    """Answers each request at once, streams in frames of some milliseconds."""

    whole = json.dumps(ANSWER).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\nx-ms-region: East US\r\n%s\r\n\r\n"

    def __init__(self) -> None:
        self._received = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A caller."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Bytes of requests."""
        self._received += data
        while True:
            head, found, rest = self._received.partition(b"\r\n\r\n")
            if not found:
                return
            lowered = head.lower()
            start = lowered.find(b"content-length:")
            length = int(lowered[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            if len(rest) < length:
                return
            self._received = rest[length:]
            if b'"stream":true' in rest[:length].replace(b" ", b""):
                asyncio.get_running_loop().create_task(self._stream())
            else:
                size = b"content-length: %d" % len(self.whole)
                self._transport.write(self.head % (b"application/json", size) + self.whole)

    async def _stream(self) -> None:
        frame = b"data: " + json.dumps(FRAME).encode() + b"\n\n"
        usage = b"data: " + json.dumps({"choices": [], "usage": ANSWER["usage"]}).encode() + b"\n\n"
        self._transport.write(self.head % (b"text/event-stream", b"transfer-encoding: chunked"))
        for part in (*[frame] * 40, usage, b"data: [DONE]\n\n"):
            self._transport.write(b"%x\r\n%s\r\n" % (len(part), part))
            await asyncio.sleep(0.005)
        self._transport.write(b"0\r\n\r\n")


async def serve_backend(port: int) -> None:
    """Serve until told to stop."""
    server = await asyncio.get_running_loop().create_server(Backend, "127.0.0.1", port)
    await server.serve_forever()


@dataclass
class Way:
    """One way to the backend, and what was measured of it."""

    name: str
    port: int
    key: str
    path: str = PATH
    headers: str = ""
    """Lines of its own."""
    pid: int | None = None
    times: list[float] = field(default_factory=list)
    a_second: float = 0.0
    cpu_us: float = float("inf")

    def request(self, *, stream: bool = False) -> bytes:
        """The bytes of a request."""
        messages = [{"role": "user", "content": WORDS}]
        body = json.dumps({"model": "gpt-4o", "messages": messages, "stream": stream}).encode()
        head = (
            f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1\r\napi-key: {self.key}\r\n"
            f"authorization: Bearer {self.key}\r\n{self.headers}accept: application/json\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def cpu_seconds(self) -> float:
        """CPU time of the serving process, of all its threads."""
        threads = Path(f"/proc/{self.pid}/task").glob("*/schedstat") if self.pid else ()
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def memory_mib(self) -> float:
        """Resident memory of the serving process."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


async def call(way: Way, count: int, times: list[float] | None = None, **options: bool) -> None:
    """Make some requests, one after the other, on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", way.port)
    request = way.request(**options)
    for _ in range(count):
        began = time.perf_counter()
        writer.write(request)
        await read_answer(way, reader)
        if times is not None:
            times.append(time.perf_counter() - began)
    writer.close()


async def read_answer(way: Way, reader: asyncio.StreamReader) -> None:
    """Read one answer to its end."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise SystemExit(f"{way.name}: {head.decode()}")
    start = head.find(b"content-length:")
    if start >= 0:
        await reader.readexactly(int(head[start + 15 :].split(b"\r\n", 1)[0]))
        return
    while size := int(await reader.readuntil(b"\r\n"), 16):
        await reader.readexactly(size + 2)
    await reader.readexactly(2)


async def measure(ways: list[Way], requests: int) -> None:
    """All of them in turns."""
    for way in ways:
        await call(way, WARM_UP)
    for _ in range(ROUNDS):
        for way in ways:
            await call(way, requests // ROUNDS, way.times)
    apart(ways)
    for _ in range(ROUNDS):
        for way in ways:
            await measure_many(way, requests // CALLERS // ROUNDS)


def apart(ways: list[Way]) -> None:
    """Give the gateways a core, and the callers the others."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) == 1:
        return
    for way in ways:
        if way.pid is not None:
            for thread in Path(f"/proc/{way.pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), cores[:1])
    os.sched_setaffinity(0, cores[1:])


async def measure_many(way: Way, each: int) -> None:
    """One round of callers at once."""
    began, cpu = time.perf_counter(), way.cpu_seconds()
    await asyncio.gather(*(call(way, each) for _ in range(CALLERS)))
    done = each * CALLERS
    way.a_second = max(way.a_second, done / (time.perf_counter() - began))
    way.cpu_us = min(way.cpu_us, (way.cpu_seconds() - cpu) / done * 1e6)


async def soak(way: Way, minutes: float) -> None:
    """Stream for a while; memory is printed every half minute."""
    end = time.monotonic() + minutes * 60

    async def streams() -> None:
        while time.monotonic() < end:
            await call(way, 20, stream=True)

    async def watch() -> None:
        while time.monotonic() < end:
            print(f"{way.name}: {way.memory_mib():7.1f} MiB", flush=True)
            await asyncio.sleep(min(30.0, max(0.1, end - time.monotonic())))

    await asyncio.gather(watch(), *(streams() for _ in range(CALLERS)))
    print(f"{way.name}: {way.memory_mib():7.1f} MiB at the end")


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], port: int, **environment: str) -> Iterator[int]:
    """A process that listens on a port; its pid."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=said, stderr=said
        )
        try:
            for _ in range(600):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if process.poll() is not None:
                    said.seek(0)
                    raise SystemExit(f"{command[0]} ended: {said.read().decode()[-2000:]}")
                time.sleep(0.1)
            yield process.pid
        finally:
            process.terminate()
            process.wait(30)


def gateway_file(folder: Path, backend: int, port: int, rest: str) -> Path:
    """A gateway's settings."""
    file = folder / f"gateway-{port}.toml"
    file.write_text(
        f"[server]\nport = {port}\n[[backends]]\nname = 'one'\nurl = 'http://127.0.0.1:{backend}'\n"
        f"key_env = 'BENCH_KEY'\n{rest}"
    )
    return file


LIMITS = """
[[limits]]
name = "each-key"
per = ["key"]
tokens_per_minute = 1_000_000_000
requests_per_minute = 1_000_000
concurrent_requests = 1000
"""


@contextlib.contextmanager
def all_ways(folder: Path) -> Iterator[list[Way]]:
    """Backend, gateways, and the peers that are installed."""
    home = {"GATEMETER_HOME": str(folder / "home"), "BENCH_KEY": "backends-key"}
    made = subprocess.run(
        [*GATEMETER, "keys", "create", "bench", "--team", "bench", "--json"],
        env={**os.environ, **home}, capture_output=True, check=True,
    )  # fmt: skip
    key = json.loads(made.stdout)["key"]
    with contextlib.ExitStack() as stack:
        backend = free_port()
        stack.enter_context(running([sys.executable, __file__, "--backend", str(backend)], backend))
        ways = [Way("direct", backend, "k")]
        kinds = (
            ("pass-through", "[access]\nanonymous = true\n", "k"),
            ("all policies", LIMITS, key),
        )
        for name, rest, own in kinds:
            port = free_port()
            file = gateway_file(folder, backend, port, rest)
            command = [*GATEMETER, "gateway", "--config", str(file)]
            pid = stack.enter_context(running(command, port, **home))
            ways.append(Way(name, port, own, pid=pid))
        for peer in (litellm, portkey):
            way = peer(stack, folder, backend)
            if way is not None:
                ways.append(way)
        yield ways


def litellm(stack: contextlib.ExitStack, folder: Path, backend: int) -> Way | None:
    """LiteLLM's proxy, when its command is named."""
    command = os.environ.get("LITELLM_PROXY")
    if command is None:
        return None
    file, port = folder / "litellm.yaml", free_port()
    file.write_text(
        "model_list:\n- model_name: gpt-4o\n  litellm_params:\n    model: openai/gpt-4o\n"
        f"    api_base: http://127.0.0.1:{backend}/v1\n    api_key: k\n"
    )
    arguments = [command, "--config", str(file), "--port", str(port), "--host", "127.0.0.1"]
    key = "sk-bench-0123456789abcdef"
    told = {"LITELLM_LOCAL_MODEL_COST_MAP": "true", "LITELLM_MASTER_KEY": key}
    pid = stack.enter_context(running(arguments, port, **told))
    return Way("LiteLLM proxy", port, key, "/v1/chat/completions", pid=pid)


def portkey(stack: contextlib.ExitStack, folder: Path, backend: int) -> Way | None:  # noqa: ARG001
    """Portkey's gateway, when its command is named."""
    command = os.environ.get("PORTKEY_GATEWAY")
    if command is None:
        return None
    port = free_port()
    pid = stack.enter_context(running([command, f"--port={port}", "--headless"], port))
    told = f"x-portkey-provider: openai\r\nx-portkey-custom-host: http://127.0.0.1:{backend}/v1\r\n"
    return Way("Portkey gateway", port, "k", "/v1/chat/completions", told, pid)


def percentile(times: list[float], share: float) -> float:
    """In milliseconds."""
    return sorted(times)[min(len(times) - 1, int(len(times) * share))] * 1e3


def report(ways: list[Way]) -> list[dict[str, Any]]:
    """What was measured, as rows."""
    direct = ways[0]
    rows = []
    for way in ways:
        p50, p99 = percentile(way.times, 0.5), percentile(way.times, 0.99)
        rows.append(
            {
                "way": way.name,
                "p50_ms": round(p50, 3),
                "added_p50_ms": round(p50 - percentile(direct.times, 0.5), 3),
                "p99_ms": round(p99, 3),
                "added_p99_ms": round(p99 - percentile(direct.times, 0.99), 3),
                "requests_a_second": round(way.a_second),
                "cpu_us": round(way.cpu_us),
                "requests_a_second_and_core": round(1e6 / way.cpu_us) if way.cpu_us else None,
            }
        )
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--backend", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.backend is not None:
        with contextlib.suppress(KeyboardInterrupt):
            uvloop.run(serve_backend(options.backend))
        return
    with tempfile.TemporaryDirectory() as name, all_ways(Path(name)) as ways:
        if options.soak:
            uvloop.run(soak(ways[2], options.soak))
            return
        uvloop.run(measure(ways, options.requests))
        rows = report(ways)
    if options.json:
        print(json.dumps(rows))
        return
    for row in rows:
        core = row["requests_a_second_and_core"]
        print(
            f"{row['way']:<16} p50 {row['p50_ms']:7.2f} ms (+{row['added_p50_ms']:.2f})"
            f"  p99 {row['p99_ms']:7.2f} ms (+{row['added_p99_ms']:.2f})"
            f"  {row['requests_a_second']:>6} requests/s" + (f"  {core:>6} a core" if core else "")
        )


if __name__ == "__main__":
    main()
