"""The filters that all pages share: drawn in the sidebar, kept in the URL as plain text.

Streamlit binds each to a query parameter and drops what is not among its choices, so a link can
only select, never inject. Pages read them anew at every refresh, so that "last hour" moves on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from analytics.panels import Selection
from dashboard import periods
from dashboard.periods import Period, period
from dashboard.time_axis import TimeAxis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, timedelta
    from zoneinfo import ZoneInfo

PICKS = {"team": "Team", "key": "Key", "backend": "Backend", "model": "Model"}
_RANGE = "range"
_DAYS = "days"


@dataclass(frozen=True, slots=True)
class View:
    """What a page shall show: a period, the names picked, the business's time zone and money."""

    period: Period
    zone: ZoneInfo
    now: datetime
    picked: Mapping[str, tuple[str, ...]]
    currency: str = "USD"

    @property
    def selection(self) -> Selection:
        """The view as a question's selection."""
        return Selection(
            since=self.period.since,
            until=self.period.until,
            keys=self.picked["key"],
            teams=self.picked["team"],
            backends=self.picked["backend"],
            models=self.picked["model"],
            timezone=self.zone.key,
            currency=self.currency,
            from_events=self.period.from_events,
        )

    @property
    def before(self) -> Selection:
        """The same names in the period before."""
        earlier = self.period.before
        return replace(self.selection, since=earlier.since, until=earlier.until)

    def time_axis(self, width: timedelta) -> TimeAxis:
        """The period on the business's wall clock, in buckets of `width`."""
        since, until = (
            moment.astimezone(self.zone).replace(tzinfo=None)
            for moment in (self.period.since, self.period.until)
        )
        return TimeAxis(since, until, width)

    def has_before(self, first_event_at: datetime | None) -> bool:
        """Whether the store reaches back to the period before; half of it compares to nothing."""
        return first_event_at is not None and first_event_at <= self.before.since + periods.HOUR

    @property
    def is_filtered(self) -> bool:
        """Whether any name is picked."""
        return any(self.picked.values())


def draw_filters(known: Mapping[str, Sequence[str]], zone: ZoneInfo) -> None:
    """The sidebar's widgets; `known` are the names there are, by dimension."""
    chosen = st.selectbox(
        "Time range",
        periods.PRESETS,
        index=periods.PRESETS.index(periods.DEFAULT),
        key=_RANGE,
        bind="query-params",
    )
    if chosen == periods.CUSTOM:
        today = datetime.now(UTC).astimezone(zone).date()
        st.date_input(
            "First and last day",
            value=(today - 6 * periods.DAY, today),
            max_value=today,
            key=_DAYS,
            format="YYYY-MM-DD",
            bind="query-params",
        )
    for name, label in PICKS.items():
        st.multiselect(
            label,
            sorted(known.get(name, ())),
            key=name,
            placeholder="All",
            bind="query-params",
        )
    if any(st.session_state.get(name) for name in PICKS):
        st.button("Clear filters", on_click=clear_filters, icon=":material/filter_alt_off:")


def clear_filters() -> None:
    """Pick nothing, which means everything; the time range stays."""
    for name in PICKS:
        st.session_state[name] = []


def current_view(zone: ZoneInfo, currency: str) -> View:
    """The filters as they stand now."""
    now = datetime.now(UTC)
    return View(
        period=period(str(st.session_state.get(_RANGE, periods.DEFAULT)), _days(), now, zone),
        zone=zone,
        now=now,
        picked={name: tuple(st.session_state.get(name) or ()) for name in PICKS},
        currency=currency,
    )


def _days() -> tuple[date, date] | None:
    """First and last day of a custom range; a reader who has picked only one means that day."""
    value = st.session_state.get(_DAYS)
    if not isinstance(value, tuple | list) or not value:
        return None
    return value[0], value[-1]
