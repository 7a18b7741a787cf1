"""The meter: what every adapter records through, one a process.

    meter = Meter.from_environment()     # settings from GATEMETER_* and gatemeter.toml
    exchange = meter.begin("POST", path, query, headers)

A setting that cannot be used raises when the meter is made, so that it stops the start. After
that nothing raises into the gateway: errors are counted in `meter.counters`.
"""

from __future__ import annotations

import atexit
import importlib
import threading
from typing import TYPE_CHECKING, Self

import msgspec

from gateway_hooks.background import Background
from gateway_hooks.clock import SystemClock
from gateway_hooks.compose_attempt import Backends
from gateway_hooks.compose_event import OperatorFacts
from gateway_hooks.counters import Counters, CountersSnapshot
from gateway_hooks.errors import SinkError
from gateway_hooks.exchange import Exchange
from gateway_hooks.fingerprint import Fingerprinter
from gateway_hooks.paused import PausedExchanges
from gateway_hooks.reading.operations import recognise
from gateway_hooks.safety import Safety

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway_hooks.clock import Clock
    from gateway_hooks.event import UsageEvent
    from gateway_hooks.settings import HookSettings
    from gateway_hooks.sink import Sink

HOOK_ERROR = "hook_error"
"""Why an event is dropped when it could not even be composed."""

_encoder = msgspec.json.Encoder()


class Meter:
    """Turns requests into events and hands them to a sink; safe in many threads and after forks."""

    def __init__(
        self,
        settings: HookSettings,
        sink: Sink,
        *,
        clock: Clock | None = None,
        safety: Safety | None = None,
        background: Background | None = None,
    ) -> None:
        """Make a meter of your own parts; `from_environment` is the usual way.

        Args:
            settings: what the operator has set.
            sink: takes the events; closed with the meter.
            clock: the system's unless a test has another.
            safety: where the sink reports its errors, too.
            background: where tokens are counted.

        Raises:
            SettingsError: no salt is set and none can be kept.
        """
        # The first estimate's thread could import it too, but a fork would cut that short.
        importlib.import_module("gateway_hooks.estimating.estimate")
        from gateway_hooks.settings import key_salt

        self.clock: Clock = clock or SystemClock()
        self.safety = safety or Safety(Counters(), self.clock)
        self.counts = self.safety.counters
        self.background = background or Background()
        self.paused = PausedExchanges(self.clock)
        self.fingerprints = Fingerprinter(key_salt(settings))
        self.operator = OperatorFacts(
            gateway=settings.gateway,
            end_user=self.fingerprints.end_user,
            keys=settings.keys,
            backends=Backends(settings.backends),
        )
        self.include_usage = settings.include_usage
        self.max_body_bytes = settings.max_body_bytes
        self._skipped = frozenset(settings.skip_paths)
        self._skipped_folders = tuple(f"{path.rstrip('/')}/" for path in settings.skip_paths)
        self._sink = sink
        self._closed = False
        self._observers: list[Callable[[UsageEvent], None]] = []
        self._before_close: list[Callable[[], None]] = [self.paused.end_all]
        atexit.register(self.close)

    @classmethod
    def from_settings(cls, settings: HookSettings) -> Self:
        """A meter that appends to the file queue of the settings.

        Raises:
            SettingsError: the queue's folder or the salt cannot be used.
        """
        from gateway_hooks.queue.file_queue import FileQueue

        safety = Safety(Counters(), SystemClock())
        queue = FileQueue.from_settings(settings, on_error=safety.note)
        return cls(settings, queue, safety=safety)

    @classmethod
    def from_environment(cls) -> Self:
        """A meter by the settings of environment and file.

        Raises:
            SettingsError: a value cannot be used; the message names the variable.
        """
        from gateway_hooks.settings import HookSettings

        return cls.from_settings(HookSettings.load())

    @property
    def counters(self) -> CountersSnapshot:
        """What was recorded, dropped and went wrong, up to now."""
        return self.counts.snapshot()

    def skips(self, path: str) -> bool:
        """Whether requests of this path are not recorded."""
        return path in self._skipped or path.startswith(self._skipped_folders)

    def begin(
        self, method: str, path: str, query: str, headers: Mapping[str, str]
    ) -> Exchange | None:
        """A request has come in; None when it cannot be metered.

        Args:
            method: as sent.
            path: without the query.
            query: without the question mark.
            headers: names in lower case; kept until the request's end.
        """
        with self.safety("begin"):
            call = recognise(method, path, query)
            return Exchange(self, call, self.fingerprints.caller(headers, query), headers)
        self.counts.dropped(HOOK_ERROR)
        return None

    def record(self, event: UsageEvent | None) -> bool:
        """Have the log take an event; false, and counted as dropped, when it could not.

        Args:
            event: None when it could not be composed, which is counted like any other loss.
        """
        reason = HOOK_ERROR
        with self.safety("record"):
            if event is not None:
                try:
                    self._sink.append(_line(event))
                except SinkError as error:
                    reason = error.reason
                    raise
                self.counts.event()
                self._tell(event)
                return True
        self.counts.dropped(reason)
        return False

    def when_event(self, tell: Callable[[UsageEvent], None]) -> None:
        """Have `tell` called with each event that the log has taken; it must be quick."""
        self._observers.append(tell)

    def _tell(self, event: UsageEvent) -> None:
        for tell in self._observers:
            with self.safety("observer"):
                tell(event)

    def before_close(self, action: Callable[[], None]) -> None:
        """Have an adapter hand over what it still holds when the meter is closed."""
        self._before_close.append(action)

    def close(self) -> None:
        """Finish the estimates, then let go of the log. May be called twice; done at exit."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        with self.safety("close"):
            for action in self._before_close:
                action()
            self.background.close()
            self._sink.close()


def _line(event: UsageEvent) -> bytes:
    return _encoder.encode(event) + b"\n"


_default_lock = threading.Lock()
_default: Meter | None = None


def default_meter() -> Meter:
    """The meter of this process, made by the environment's settings when first asked for.

    Raises:
        SettingsError: a setting cannot be used; the message names the variable.
    """
    global _default  # noqa: PLW0603 - one a process is the point
    with _default_lock:
        if _default is None:
            _default = Meter.from_environment()
        return _default


def use_meter(meter: Meter | None) -> Meter | None:
    """Make `meter` the one of this process and return the one before; None: made when needed."""
    global _default
    with _default_lock:
        before, _default = _default, meter
        return before
