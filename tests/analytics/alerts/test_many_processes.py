"""Several processes send alerts at once, and some are killed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from analytics.alerts import history
from analytics.alerts.deliveries import LEASE
from analytics.store import Store
from tests.analytics.alerts import sender

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.mark.parametrize("catalog", ["sqlite", "postgres"])
def test_processes_share_alerts_without_telling_twice(
    catalog: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Three processes that find the same alerts at the same time send each of them once."""
    url = str(tmp_path / "store")
    if catalog == "postgres":
        make: Callable[[str], str] = request.getfixturevalue("postgres")
        url = f"{make('alerts')}#data={tmp_path / 'data'}/"
    Store.open(url).close()
    file = tmp_path / "sent"
    processes = [sender.start(url, file, NOW) for _ in range(3)]
    file.with_name("sent.go").touch()
    assert [process.wait(250) for process in processes] == [0, 0, 0]
    sent = Counter(file.read_text().split())
    assert len(sent) == sender.ALERTS
    assert set(sent.values()) == {1}


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    """Killed after sending and before committing: others send the rest, and that one once more.

    It has the same id, and comes after the lease. From then on nothing is sent.
    """
    url, file = str(tmp_path / "store"), tmp_path / "sent"
    Store.open(url).close()
    file.with_name("sent.go").touch()
    assert sender.start(url, file, NOW, dies=True).wait(250) == -9
    (first,) = file.read_text().split()
    for later in (NOW, NOW + LEASE, NOW + 2 * LEASE):
        assert sender.start(url, file, later).wait(250) == 0
    sent = Counter(file.read_text().split())
    assert len(sent) == sender.ALERTS
    assert {name for name, times in sent.items() if times == 2} == {first}
    with Store.open(url, read_only=True) as store:
        assert set(history(store, 50)["state"]) == {"delivered"}
