"""Counts of wrong keys."""

from __future__ import annotations

from typing import Any

from gateway_hooks.gateway.access.failures import _KEPT, Failures


def at(address: str | None) -> dict[str, Any]:
    """A request from an address."""
    return {"client": None if address is None else (address, 1)}


def test_networks_of_ipv6_count_together(clock: Any) -> None:
    """One caller has a whole /64; the next /64 is another's."""
    failures = Failures(clock)
    assert failures.failed(at("2001:db8:0:1::1"), 1, 60) == 0
    assert failures.failed(at("2001:db8:0:1:ffff::2"), 1, 60) == 60
    assert failures.failed(at("2001:db8:0:2::1"), 1, 60) == 0
    assert failures.failed(at("::ffff:192.0.2.1"), 1, 60) == 0
    assert failures.failed(at("::ffff:192.0.2.2"), 1, 60) == 0
    assert failures.failed(at("fe80::1%eth0"), 1, 60) == 0
    assert failures.failed(at("not:an:address"), 1, 60) == 0


def test_few_failures_in_a_long_time_are_no_guessing(clock: Any) -> None:
    """They count within the time only; the wait counts down."""
    failures = Failures(clock)
    for _ in range(10):
        assert failures.failed(at("a"), 1, 10) == 0
        clock.advance_ms(10_000)
    failures.failed(at("a"), 1, 10)
    clock.advance_ms(9_000)
    assert failures.failed(at("a"), 1, 10) == 10
    clock.advance_ms(4_000)
    assert failures.failed(at("a"), 1, 10) == 6


def test_many_addresses_do_not_fill_the_memory(clock: Any) -> None:
    """The oldest are forgotten; a request without an address counts, too."""
    failures = Failures(clock)
    for number in range(_KEPT + 10):
        failures.failed(at(f"host {number}"), 1, 60)
    assert len(failures._counts) == _KEPT
    assert failures.failed(at(None), 1, 60) == 0
    assert failures.failed(at(None), 1, 60) == 60
