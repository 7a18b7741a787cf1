"""Which of several refusals the caller gets."""

from __future__ import annotations

from gateway_hooks.gateway.pool.outcomes import Outcome, best, with_retry_after
from gateway_hooks.gateway.pool.verdict import Verdict
from gateway_hooks.gateway.refusals import Refusal, all_resting, kept, unreachable


def outcome(verdict: Verdict, retry_after_ms: float | None = None) -> Outcome:
    """A refusal without content."""
    return Outcome(verdict, Refusal(0, [], b""), retry_after_ms)


def test_a_429_is_better_than_a_failure_is_better_than_not_here() -> None:
    """A caller that may come back is told so; an item is not called missing while its holder is."""
    throttled, failed = outcome(Verdict.THROTTLED, 5000), outcome(Verdict.FAILED)
    elsewhere = outcome(Verdict.ELSEWHERE)
    assert best([elsewhere, failed, throttled]) is throttled
    assert best([elsewhere, failed]) is failed
    assert best([elsewhere]) is elsewhere


def test_of_several_429s_the_shortest_wait_counts() -> None:
    """And one that says no wait is the shortest."""
    short, long = outcome(Verdict.THROTTLED, 100), outcome(Verdict.THROTTLED, 5000)
    assert best([long, short]) is short


def test_the_time_to_come_back_can_be_corrected() -> None:
    """Old retry headers go, whatever their case, and the rest stays."""
    refusal = Refusal(429, [(b"Retry-After", b"60"), (b"x", b"1")], b"full")
    corrected = with_retry_after(refusal, 1500.2)
    assert corrected.headers == [
        (b"x", b"1"),
        (b"retry-after", b"2"),
        (b"retry-after-ms", b"1501"),
    ]
    assert (corrected.status, corrected.body) == (429, b"full")


def test_the_gateways_own_refusals_announce_their_length() -> None:
    """So does a kept one, whose backend may have sent chunks."""
    for refusal in (all_resting(0), unreachable(), kept(500, [(b"Content-Length", b"9")], b"abc")):
        lengths = [value for name, value in refusal.headers if name.lower() == b"content-length"]
        assert lengths == [b"%d" % len(refusal.body)]
    assert (b"retry-after", b"1") in all_resting(0).headers
