"""What was said of a key, one after the other, becomes what holds when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from analytics.keys import Assignment, Period, periods_of

START = datetime(2026, 11, 1, tzinfo=UTC)
HOURS = 30


def hour(number: int | None) -> datetime | None:
    """An hour of the made-up month."""
    return None if number is None else START + timedelta(hours=number)


def said(
    number: int, team: str, since: int, until: int | None = None, name: str | None = None
) -> Assignment:
    """The assignment that was noted as the `number`-th."""
    noted = START + timedelta(days=99, minutes=number)
    return Assignment("k", name, team, START + timedelta(hours=since), hour(until), noted)


def held(*assignments: Assignment) -> list[tuple[str, str | None, int, int | None]]:
    """Team, name, first hour and end of each period."""
    return [
        (
            one.team,
            one.key_name,
            _number(one.valid_from),
            _number(one.valid_to) if one.valid_to else None,
        )
        for one in periods_of(assignments)
    ]


def _number(moment: datetime) -> int:
    return (moment - START) // timedelta(hours=1)


def test_a_later_word_replaces_its_span_and_no_more() -> None:
    """What was said of the time before and after it stays."""
    first, second = said(1, "a", 0), said(2, "b", 5, 8)
    assert held(second, first) == [("a", None, 0, 5), ("b", None, 5, 8), ("a", None, 8, None)]


def test_a_name_stays_when_only_the_team_changes() -> None:
    """Moving a key to another team does not take its name away."""
    assert held(said(1, "a", 0, None, "checkout"), said(2, "b", 5)) == [
        ("a", "checkout", 0, 5), ("b", "checkout", 5, None),
    ]  # fmt: skip


def test_the_same_again_is_nothing_new() -> None:
    """Also when it was said in two halves before."""
    whole = held(said(1, "a", 0, 10))
    assert held(said(1, "a", 0, 5), said(2, "a", 5, 10)) == whole
    assert held(said(1, "a", 0, 10), said(2, "a", 0, 10), said(3, "a", 2, 3)) == whole


def test_keys_are_apart() -> None:
    """What is said of one key says nothing of another."""
    other = Assignment("other", None, "b", START, None, START)
    assert periods_of([said(1, "a", 2), other]) == [
        Period("k", None, "a", START + timedelta(hours=2), None),
        Period("other", None, "b", START, None),
    ]


SAID = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(0, HOURS - 1),
        st.one_of(st.none(), st.integers(1, HOURS)),
        st.sampled_from([None, "x", "y"]),
    ).filter(lambda one: one[2] is None or one[1] < one[2]),
    max_size=8,
)


@given(SAID)
def test_at_every_hour_holds_what_was_said_last_of_it(
    words: list[tuple[str, int, int | None, str | None]],
) -> None:
    """Periods never overlap, and tell for each hour the last team and the last name."""
    assignments = [said(number, *word) for number, word in enumerate(words)]
    periods = periods_of(assignments)
    for one, following in pairwise(periods):
        assert one.valid_to is not None
        assert one.valid_to <= following.valid_from
    for number in range(HOURS + 1):
        fitting = [
            (team, name) for team, since, until, name in words if since <= number < (until or 99)
        ]
        team = fitting[-1][0] if fitting else None
        name = next((name for _, name in reversed(fitting) if name), None)
        at = START + timedelta(hours=number)
        now = [p for p in periods if p.valid_from <= at and (p.valid_to is None or at < p.valid_to)]
        assert [(one.team, one.key_name) for one in now] == ([(team, name)] if team else [])
