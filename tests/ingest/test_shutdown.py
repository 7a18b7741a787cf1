"""Asking a consumer to stop."""

from __future__ import annotations

import os
import signal

import pytest

from ingest.shutdown import Shutdown


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks_and_the_second_ends_the_process(number: signal.Signals) -> None:
    """One signal sets the flag; the next has its usual effect, for who cannot wait."""
    before = signal.getsignal(number)
    shutdown = Shutdown()
    with shutdown.on_signals():
        seen = [shutdown.requested]
        os.kill(os.getpid(), number)
        seen.append(shutdown.requested)
        assert seen == [False, True]
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
    assert signal.getsignal(number) == before
