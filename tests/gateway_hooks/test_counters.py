"""A lost event is always counted, with a reason."""

from __future__ import annotations

import threading

from gateway_hooks.counters import Counters, CountersSnapshot


def test_a_snapshot_has_every_count_and_stays_as_it_was() -> None:
    """Counts read once do not change while the hooks go on counting."""
    counters = Counters()
    counters.event()
    counters.dropped("queue_full")
    counters.dropped("queue_full")
    counters.error("request")
    counters.rough_estimate()
    before = counters.snapshot()
    counters.event()
    assert before == CountersSnapshot(
        events=1, dropped={"queue_full": 2}, errors={"request": 1}, rough_estimates=1
    )
    assert before.lost == 2
    assert counters.snapshot().events == 2


def test_threads_lose_no_count() -> None:
    """Counting from many threads at once adds up."""
    counters = Counters()

    def work() -> None:
        for _ in range(2000):
            counters.event()
            counters.dropped("write_failed")

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counters.snapshot().events == counters.snapshot().lost == 12_000


def test_a_forked_child_counts_from_zero() -> None:
    """Adding up the workers of one server counts nothing twice."""
    counters = Counters()
    counters.event()
    counters.after_fork_in_child()
    assert counters.snapshot() == CountersSnapshot(events=0)
