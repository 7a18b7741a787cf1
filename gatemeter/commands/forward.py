"""`gatemeter forward`: move events from the queue to Azure Event Hubs, beside a gateway."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gatemeter.hubs import hub_address
from gatemeter.json_logs import JsonFormatter
from gatemeter.settings import Settings
from gateway_hooks.event_hubs import Forwarder, HubSender

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLE = """
\b
Examples:
  export GATEMETER_EVENT_HUB='Endpoint=sb://...;EntityPath=usage'
  gatemeter forward
  gatemeter forward --once --json
"""

STATUS_SECONDS: Final = 10.0
ONCE_PATIENCE_SECONDS: Final = 60.0

logger = logging.getLogger("gatemeter.forward")


@click.command(
    epilog=EXAMPLE,
    help="""Move events from the queue to the hub in GATEMETER_EVENT_HUB, and lose none.

    Runs beside the gateway until it is told to stop (Ctrl-C or SIGTERM). A hub that is away, busy
    or silent is tried again for ever; meanwhile the queue keeps the events. It may be killed at any
    moment: what is sent twice is stored once.
    """,
)
@click.option("--once", is_flag=True, help="Send what is there, then exit.")
@click.option("--queue", type=click.Path(path_type=Path), help="Queue folder.  [GATEMETER_QUEUE]")
@click.option("--json-logs", is_flag=True, help="Log JSON even on a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
def command(*, once: bool, queue: Path | None, json_logs: bool, as_json: bool) -> None:
    """Run the forwarder and print what it did."""
    settings = Settings.load(**({} if queue is None else {"queue": queue}))
    address = hub_address(settings)
    _log_to_stderr(as_json=json_logs or not sys.stderr.isatty())
    sender = HubSender(lambda: address.producer(settings.event_hub_transport))
    forwarder = Forwarder(
        settings.queue_folder,
        sender,
        partition_by=settings.event_hub_partition_by,
        give_up_after_seconds=ONCE_PATIENCE_SECONDS if once else None,
    )
    logger.info("forwarding %s to %s", settings.queue_folder, address)
    seconds = asyncio.run(_run(forwarder, once=once))
    summary = {**asdict(forwarder.counts), "seconds": round(seconds, 3)}
    summary["waiting_bytes"] = forwarder.waiting_bytes()
    click.echo(json.dumps(summary) if as_json else describe(summary))


def describe(summary: dict[str, Any]) -> str:
    """The summary for people."""
    troubles = "".join(f", {count:,} x {kind}" for kind, count in summary["troubles"].items())
    aside = f", {summary['set_aside']:,} lines set aside" if summary["set_aside"] else ""
    return (
        f"{summary['events']:,} events in {summary['messages']:,} messages "
        f"({summary['size_bytes'] / 1e6:,.1f} MB) in {summary['seconds']:.1f} s{aside}{troubles}; "
        f"{summary['waiting_bytes']:,} bytes wait"
    )


async def _run(forwarder: Forwarder, *, once: bool) -> float:
    """Forward until the end or a signal; the seconds it took."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stopper(loop, forwarder))
    began = time.monotonic()
    status = asyncio.create_task(_tell_status(forwarder))
    try:
        await forwarder.run(once=once)
    finally:
        status.cancel()
        await forwarder.close()
    return time.monotonic() - began


def _stopper(loop: asyncio.AbstractEventLoop, forwarder: Forwarder) -> Callable[[], None]:
    """The first signal asks; the second one ends the process as if nobody had listened."""

    def stop() -> None:
        forwarder.stop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

    return stop


async def _tell_status(forwarder: Forwarder) -> None:
    """Log the counters now and then, when they have changed."""
    last: dict[str, Any] = {}
    while True:
        await asyncio.sleep(STATUS_SECONDS)
        now = asdict(forwarder.counts)
        if now != last:
            trouble = forwarder.trouble
            now["trouble"] = trouble.trouble.value if trouble else None
            now["waiting_bytes"] = forwarder.waiting_bytes()
            logger.info("status", extra=now)
        last = asdict(forwarder.counts)


def _log_to_stderr(*, as_json: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    plain = logging.Formatter("%(levelname)s %(message)s")
    handler.setFormatter(JsonFormatter() if as_json else plain)
    for name in ("gatemeter", "gateway_hooks"):
        own = logging.getLogger(name)
        own.handlers = [handler]
        own.setLevel(logging.INFO)
