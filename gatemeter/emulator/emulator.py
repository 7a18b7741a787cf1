"""The emulator as one object, started and stopped from ordinary code, with a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, Self

from gatemeter.emulator.broker import Broker
from gatemeter.emulator.errors import EmulatorError
from gatemeter.emulator.faults import Faults
from gatemeter.emulator.folder_lock import FolderLock
from gatemeter.emulator.listener import Listener
from gatemeter.emulator.settings import EmulatorSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

    from gatemeter.emulator.stored_message import StoredMessage

_CALL_SECONDS: Final = 20.0


class Emulator:
    """An Event Hubs namespace on this machine.

        with Emulator() as emulator:
            client = EventHubProducerClient.from_connection_string(emulator.connection_string)

    Everything here may be called from any thread. It can be started again after a stop: with a
    folder its messages are still there, and it takes its old port unless another was asked for.

    Args:
        settings: hubs, port, key and so on; one hub `usage` with four partitions by default.
    """

    def __init__(self, settings: EmulatorSettings | None = None) -> None:
        self.settings = settings or EmulatorSettings()
        self.faults = Faults(_Line(self))
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._broker: Broker | None = None
        self._listener: Listener | None = None
        self._port = self.settings.port

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; returns when clients can connect.

        Raises:
            EmulatorError: port, folder or certificate cannot be used, or it is running already.
        """
        if self._thread is not None:
            raise EmulatorError("the emulator is running already")
        started: Future[None] = Future()
        thread = threading.Thread(
            target=self._run, args=(started,), name="event-hubs-emulator", daemon=True
        )
        thread.start()
        try:
            started.result(_CALL_SECONDS)
        except BaseException:
            thread.join(_CALL_SECONDS)
            raise
        self._thread = thread

    def stop(self) -> None:
        """Hang up and give port and files back; nothing happens when it is not running."""
        if self._thread is None or self._loop is None or self._stop is None:
            return
        self.faults.cancel_timers()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._thread = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    @property
    def connection_string(self) -> str:
        """Of the first hub, with its EntityPath."""
        return self.connection_string_of(self.settings.hubs[0].name)

    def connection_string_of(self, hub: str | None) -> str:
        """Of one hub, or of the namespace when that is None.

        With TLS the SDK ignores the port in it: give it `custom_endpoint_address` as well.
        """
        parts = [
            f"Endpoint=sb://{self.settings.host}:{self.port}",
            f"SharedAccessKeyName={self.settings.key_name}",
            f"SharedAccessKey={self.settings.key}",
        ]
        if self.settings.certificate is None:
            parts.append("UseDevelopmentEmulator=true")
        if hub is not None:
            parts.append(f"EntityPath={hub}")
        return ";".join(parts)

    @property
    def custom_endpoint_address(self) -> str:
        """For the SDK's argument of that name, which TLS and WebSockets need."""
        return f"sb://{self.settings.host}:{self.port}"

    def messages(
        self, partition: str | int | None = None, hub: str | None = None
    ) -> list[StoredMessage]:
        """What is stored now, oldest first; of all partitions, one after the other, by default.

        Raises:
            Refusal: there is no such hub or partition.
        """
        found = self._running_broker().hub(hub or self.settings.hubs[0].name)
        chosen = found.partitions if partition is None else [found.partition(str(partition))]
        return [message for one in chosen for message in one.messages]

    def trim(self, partition: str | int, keep: int = 0, hub: str | None = None) -> None:
        """Drop a partition's oldest messages, as retention does, until `keep` are left.

        Raises:
            Refusal: there is no such hub or partition.
        """
        found = self._running_broker().hub(hub or self.settings.hubs[0].name)
        chosen = found.partition(str(partition))

        async def trim() -> None:
            chosen.trim(keep)

        self.call(trim)

    def call(self, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a coroutine in the emulator's own thread and wait for it.

        Raises:
            EmulatorError: it is not running.
        """
        if self._thread is None or self._loop is None:
            raise EmulatorError("the emulator is not running: start it first")
        asyncio.run_coroutine_threadsafe(make(), self._loop).result(_CALL_SECONDS)

    def _running_broker(self) -> Broker:
        if self._broker is None:
            raise EmulatorError("the emulator is not running: start it first")
        return self._broker

    def _run(self, started: Future[None]) -> None:
        try:
            asyncio.run(self._serve(started))
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for the start
            if not started.done():
                started.set_exception(error)

    async def _serve(self, started: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        with FolderLock(self.settings.folder):
            self._broker = Broker(self.settings)
            try:
                self._listener = Listener(self.settings, self._broker, self.faults, self._port)
                try:
                    await self._listener.start()
                    self._port = self._listener.port
                    started.set_result(None)
                    await self._stop.wait()
                finally:
                    await self._listener.stop()
            finally:
                self._broker.close()


class _Line:
    """Faults of the connections, carried out in the emulator's thread."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def disconnect_all(self) -> None:
        self._emulator.call(self._listener.disconnect_all)

    def pause(self) -> None:
        self._emulator.call(self._listener.pause)

    def resume(self) -> None:
        self._emulator.call(self._listener.resume)

    def go_away(self) -> None:
        self._emulator.call(self._listener.go_away)

    def come_back(self) -> None:
        self._emulator.call(self._listener.start)

    @property
    def _listener(self) -> Listener:
        listener = self._emulator._listener  # noqa: SLF001 - the other half of the same object
        if listener is None:
            raise EmulatorError("the emulator is not running: start it first")
        return listener
