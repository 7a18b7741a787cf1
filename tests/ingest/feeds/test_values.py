"""Values are read in every spelling that gateways write, and nothing else is taken."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_hooks.event import validate_line
from ingest.feeds import values
from ingest.feeds.identity import event_id, timestamp

AFTERNOON = datetime(2024, 5, 24, 14, 45, 56, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("5/24/2024 2:45:56 PM", AFTERNOON),
        ("05/24/2024 14:45:56", AFTERNOON),
        ("5/24/2024 2:45:56\u202fPM", AFTERNOON),
        ("5/24/2024, 2:45:56.250 PM", AFTERNOON.replace(microsecond=250_000)),
        ("5/24/2024 2:45:56.1234567 PM", AFTERNOON.replace(microsecond=123_456)),
        ("5/24/2024,2:45:56 PM", None),
        ("2024-05-24T14:45:56Z", AFTERNOON),
        ("2024-05-24T14:45:56.0000000Z", AFTERNOON),
        ("2024-05-24T16:45:56+02:00", AFTERNOON),
        ("2024-05-24 14:45:56", AFTERNOON),
        ("5/24/2024 12:00:00 AM", datetime(2024, 5, 24, tzinfo=UTC)),
        ("5/24/2024 12:00:00 PM", datetime(2024, 5, 24, 12, tzinfo=UTC)),
        ("24/5/2024 14:45:56", None),
        ("5/24/2024 13:45:56 PM", None),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("now", None),
        ("", None),
        (5, None),
    ],
)
def test_times(text: object, moment: datetime | None) -> None:
    """No zone means UTC; what no calendar or no store has is no time."""
    assert values.moment(text) == moment


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (5, 5), ("5", 5), (" 5 ", 5), (5.0, 5), ("5.0", 5), (0, 0), (2**53, 2**53),
        (2**53 + 1, None), ("9" * 16, 9999999999999999 if 9999999999999999 <= 2**53 else None),
        (-1, None), ("-1", None), (1.5, None), ("1.5", None), ("1e3", None), (True, None),
        (None, None), ("", None), ("NaN", None), (float("nan"), None), (float("inf"), None),
        ("\u0661", None),
    ],
)  # fmt: skip
def test_counts(value: object, count: int | None) -> None:
    """A wrong count is no count, and never nearly one."""
    assert values.count(value) == count


@pytest.mark.parametrize(
    "filler", ["NA", "na", "NA-HEADER", "N/A", "", " ", "null", None, [], True]
)
def test_fillers_name_nothing(filler: object) -> None:
    """What stands for nothing does not become a team or a backend."""
    assert values.name(filler) is None


def test_ticks_and_epochs() -> None:
    """.NET counts from the year 1, OTLP in nanoseconds, LiteLLM in seconds."""
    assert values.ticks(638_521_587_560_000_000) == AFTERNOON
    assert values.ticks("638521587560000000") == AFTERNOON
    assert values.nanoseconds_since_epoch(str(1_716_561_956 * 10**9)) == AFTERNOON
    assert values.seconds_since_epoch(1_716_561_956) == AFTERNOON
    wrongs: list[object] = [None, True, -1, "x", 10**30, "9" * 40, float("nan"), [], 0]
    for wrong in wrongs:
        assert values.ticks(wrong) is None
        assert values.nanoseconds_since_epoch(wrong) is None
        assert values.seconds_since_epoch(wrong) is None


@given(
    started=st.datetimes(datetime(2000, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants them naive
    key=st.lists(st.none() | st.text(), max_size=4),
)
def test_ids_are_valid_sort_by_time_and_come_again(
    started: datetime, key: list[str | None]
) -> None:
    """The store takes them for ids of ours, finds them by time, and knows a copy."""
    made = event_id("feed", started, *key)
    assert made == event_id("feed", started, *key)
    assert made != event_id("other", started, *key)
    assert made != event_id("feed", started, *key, "more")
    line = (
        f'{{"event_id":"{made}","schema_version":1,"started_at":"{timestamp(started)}",'
        '"gateway":"g","auth_type":"none","operation":"other","usage_source":"none",'
        '"status_code":200}'
    )
    assert validate_line(line)["event_id"] == made
    assert int(made[:8] + made[9:13], 16) == int(started.timestamp() * 1000 // 1)


def test_parts_of_a_key_are_told_apart() -> None:
    """Two records whose texts only together are the same are two."""
    assert event_id("f", AFTERNOON, "a", "bc") != event_id("f", AFTERNOON, "ab", "c")
    assert event_id("f", AFTERNOON, None) != event_id("f", AFTERNOON, "-")
