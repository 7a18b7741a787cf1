"""Colours that stay with their names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboard.colours import OTHERS_LABEL, colours_of
from dashboard.theme import OTHERS, SERIES

NAMES = st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=40)


def test_a_backend_keeps_its_colour_when_the_selection_shrinks() -> None:
    """What is shown beside it does not repaint a backend."""
    known = ["east", "west", "north"]
    everything = colours_of(known, known)
    assert colours_of(["north"], known)["north"] == everything["north"]
    assert colours_of(["west", "north"], known)["west"] == everything["west"]


def test_a_newcomer_repaints_nobody() -> None:
    """Names seen later come after the ones seen before."""
    before = colours_of(["east", "west"], ["east", "west"])
    after = colours_of(["east", "west", "aaa"], ["east", "west", "aaa"])
    assert {name: after[name] for name in before} == before


@given(NAMES)
def test_no_two_names_of_a_chart_share_a_colour(known: list[str]) -> None:
    """As long as there are colours enough, each name has its own."""
    shown = known[-len(SERIES) :]
    assert len(set(colours_of(shown, known).values())) == len(shown)


def test_what_was_folded_together_is_grey() -> None:
    """The rest is no name, and does not look like one."""
    assert colours_of(["east", OTHERS_LABEL], ["east"])[OTHERS_LABEL] == OTHERS
    assert OTHERS not in SERIES
