"""Quotas go on where the last process ended."""

from __future__ import annotations

from pathlib import Path

from gateway_hooks.gateway.limits.counting import Demand, Figures, Quota
from gateway_hooks.gateway.limits.local import LocalCounters
from gateway_hooks.gateway.limits.quota_file import QuotaFile

DAILY = Demand("app", Figures("daily", quotas=(Quota("day", 100),)))


def spend(counters: LocalCounters, tokens: int) -> bool:
    """Use some tokens; whether that was allowed."""
    verdict = counters.reserve_now([DAILY], tokens)
    if verdict.reservation is not None:
        verdict.reservation.finish(tokens)
    return verdict.denial is None


async def test_a_restart_gives_nothing_back(tmp_path: Path) -> None:
    """A quota that a restart renewed would be none."""
    first = LocalCounters()
    kept = QuotaFile(tmp_path / "quotas.json", first)
    await kept.start()
    assert spend(first, 80)
    await kept.close()
    second = LocalCounters()
    again = QuotaFile(tmp_path / "quotas.json", second)
    await again.start()
    assert not spend(second, 30)
    assert spend(second, 20)
    await again.close()


async def test_one_process_has_the_file(tmp_path: Path) -> None:
    """A second worker neither takes over what the first counts nor writes over it."""
    first, second = LocalCounters(), LocalCounters()
    owner = QuotaFile(tmp_path / "quotas.json", first)
    other = QuotaFile(tmp_path / "quotas.json", second)
    await owner.start()
    await other.start()
    assert spend(first, 80)
    assert spend(second, 10)
    await other.close()
    assert not (tmp_path / "quotas.json").exists()
    await owner.close()
    assert b'"app":80' in (tmp_path / "quotas.json").read_bytes()


async def test_a_broken_file_stops_nothing(tmp_path: Path) -> None:
    """What cannot be read is counted anew, and written as it should be."""
    (tmp_path / "quotas.json").write_text("half a te")
    counters = LocalCounters()
    kept = QuotaFile(tmp_path / "quotas.json", counters)
    await kept.start()
    assert spend(counters, 5)
    await kept.close()
    assert b'"app":5' in (tmp_path / "quotas.json").read_bytes()


async def test_a_new_day_is_a_new_quota(tmp_path: Path) -> None:
    """What was kept of a day that is over does not count."""
    (tmp_path / "quotas.json").write_text(
        '[{"label":"day:UTC:2020-01-01","starts_ms":0,"ends_ms":1,"used":{"app":100}}]'
    )
    counters = LocalCounters()
    kept = QuotaFile(tmp_path / "quotas.json", counters)
    await kept.start()
    assert spend(counters, 100)
    await kept.close()
    assert b"2020-01-01" not in (tmp_path / "quotas.json").read_bytes()
