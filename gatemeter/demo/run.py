"""The demo from its beginning to its end: set the stage, let the callers play, settle the books."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
import webbrowser
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from analytics import AnalyticsError, Store
from gatemeter.demo.errors import DemoError
from gatemeter.demo.seen import ClientBooks
from gatemeter.demo.stage import Stage, answers, is_free
from gatemeter.demo.traffic import Traffic
from gatemeter.demo.verdict import StoredBooks, read_store, report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatemeter.demo.screen import Screen

USUAL_DASHBOARD_PORT: Final = 8501
LATEST: Final = "/?range=Last+15+minutes"
"""The dashboard's usual day would show minutes of traffic as one dot."""
_LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """How the demo is played."""

    seconds: float | None = None
    """None: until it is told to stop."""
    rate: float = 12.0
    """Acts begun a second."""
    seed: int = 1
    keep: Path | None = None
    with_dashboard: bool = True
    open_browser: bool = False
    gateway_port: int = 0
    dashboard_port: int | None = None
    """None: the usual one if it is free, else any."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is going on, for those who watch it."""

    stage: Stage
    books: ClientBooks
    screen: Screen
    options: Options


def run_demo(options: Options, screen: Screen) -> dict[str, Any]:
    """Play the demo and return both books side by side.

    Raises:
        DemoError: something did not start, or ended by itself.
        AnalyticsError: the store cannot be read.
    """
    with ExitStack() as opened:
        opened.enter_context(_terminated_like_interrupted())
        folder = options.keep or Path(
            opened.enter_context(tempfile.TemporaryDirectory(prefix="gatemeter-demo-"))
        )
        if folder.exists() and any(folder.iterdir()):
            raise DemoError(f"{folder} is not empty: give --keep a new folder")
        _check_ports(options)
        stage = Stage(folder, opened, seed=options.seed, kept=options.keep is not None)
        books = ClientBooks()
        scene = Scene(stage, books, screen, options)
        dashboard = _raise_curtain(stage, options)
        gateway = stage.start_gateway(options.gateway_port)[1]
        screen.say(f"gateway:   {gateway}")
        screen.say(f"folder:    {folder}")
        traffic = Traffic(gateway, stage.billed, books, rate=options.rate, seed=options.seed)
        asyncio.run(_run(traffic, scene, dashboard))
        screen.doing("storing what is left of the queue")
        stage.drain()
        with Store.open(stage.store_url, read_only=True) as store:
            return report(books.operations(), read_store(store))


def _check_ports(options: Options) -> None:
    given = (("--gateway-port", options.gateway_port), ("--dashboard-port", options.dashboard_port))
    for option, port in given:
        if port and not is_free(port):
            raise DemoError(f"port {port} is taken: choose another with {option}")


def _raise_curtain(stage: Stage, options: Options) -> str | None:
    """Start the consumer, and the dashboard if it is wanted; its address."""
    consumer = stage.start_consumer()
    if not options.with_dashboard:
        return None
    stage.wait_for_store(consumer)
    port = options.dashboard_port
    if port is None:
        port = USUAL_DASHBOARD_PORT if is_free(USUAL_DASHBOARD_PORT) else 0
    return stage.start_dashboard(port)[1]


async def _run(traffic: Traffic, scene: Scene, dashboard: str | None) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, traffic.stop)
    playing = asyncio.create_task(traffic.run(scene.options.seconds))
    watching = asyncio.create_task(_watch(scene, dashboard))
    try:
        await asyncio.wait({playing, watching}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (watching, playing):
            if not task.done():
                task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await playing


async def _watch(scene: Scene, dashboard: str | None) -> None:
    """Until cancelled: announce the dashboard, show the progress, notice children that die.

    Raises:
        DemoError: a child has ended by itself.
    """
    waiting_for = dashboard
    while True:
        scene.stage.check()
        if waiting_for is not None and await asyncio.to_thread(answers, waiting_for):
            address = f"{waiting_for}{LATEST}"
            scene.screen.say(f"dashboard: {address}   (Ctrl-C ends the demo)")
            if scene.options.open_browser:
                webbrowser.open(address)
            waiting_for = None
        with contextlib.suppress(AnalyticsError):
            stored = await asyncio.to_thread(_peek, scene.stage.store_url)
            scene.screen.progress(scene.books, stored)
        await asyncio.sleep(_LOOK_SECONDS)


def _peek(store_url: str) -> StoredBooks:
    with Store.open(store_url, read_only=True) as store:
        return read_store(store)


@contextlib.contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does, so that the children are ended with it."""

    def interrupt(number: int, frame: object) -> None:  # noqa: ARG001 - a signal handler's shape
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
