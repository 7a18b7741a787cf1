"""An import keeps what was before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from analytics.deployments import Change, Listing, import_listing
from analytics.deployments.history import _plan
from analytics.ratecard.deployment_table import read_deployments
from analytics.ratecard.seed import seed
from analytics.repricing import reprice
from analytics.types import Deployment
from tests.analytics.samples import attempt, event, load

if TYPE_CHECKING:
    from analytics.load import Loader
    from analytics.store import Store
    from tests.analytics.samples import FakeClock

MADE = datetime(2026, 3, 1, 8, tzinfo=UTC)
FIRST = datetime(2026, 11, 1, 10, tzinfo=UTC)
DAY = timedelta(days=1)
CHAT = Deployment("chat", "gpt-4o", "2024-08-06", "global", backend="sweden", source="az")
NEWER = replace(CHAT, version="2024-11-20")


def listing(*entries: Deployment, made: datetime | None = MADE, whole: bool = True) -> Listing:
    """What one account lists."""
    return Listing(tuple((one, made) for one in entries), frozenset({"sweden"} if whole else ()))


def bring(
    store: Store, found: Listing, now: datetime = FIRST, since: datetime | None = None
) -> list[str]:
    """Import it; what became of each."""
    return [one.kind for one in import_listing(store, found, now, since=since, dry=False)]


def periods(store: Store) -> list[tuple[str | None, datetime | None, datetime | None]]:
    """Version, begin and end of every imported entry."""
    rows = [one for one in read_deployments(store.cursor()) if one.source == "az"]
    return [(one.version, one.valid_from, one.valid_to) for one in rows]


def test_the_first_import_holds_since_the_deployment_was_made(store: Store) -> None:
    """Nothing is known of another past."""
    assert bring(store, listing(CHAT)) == ["new"]
    assert periods(store) == [("2024-08-06", MADE, None)]


def test_the_same_list_again_changes_nothing_and_writes_nothing(store: Store) -> None:
    """An import may be repeated every night."""
    bring(store, listing(CHAT))
    query = "SELECT max(snapshot_id) FROM ducklake_snapshots('usage')"
    before = store.frame(query).item()
    assert bring(store, listing(CHAT), FIRST + DAY) == ["unchanged"]
    assert store.frame(query).item() == before


def test_a_change_begins_with_the_import_that_shows_it(store: Store) -> None:
    """And what was before ends there, to the microsecond."""
    bring(store, listing(CHAT))
    assert bring(store, listing(NEWER), FIRST + DAY) == ["changed"]
    assert periods(store) == [("2024-08-06", MADE, FIRST + DAY), ("2024-11-20", FIRST + DAY, None)]


def test_an_operator_may_say_when_it_changed(store: Store) -> None:
    """The day counts, also when it is before what was imported until then."""
    bring(store, listing(CHAT))
    bring(store, listing(NEWER), FIRST + 2 * DAY, FIRST + DAY)
    assert periods(store) == [("2024-08-06", MADE, FIRST + DAY), ("2024-11-20", FIRST + DAY, None)]
    bring(store, listing(NEWER), FIRST + 2 * DAY, MADE - DAY)
    assert periods(store) == [("2024-11-20", MADE - DAY, None)]


def test_one_that_was_made_anew_changed_when_it_was_made(store: Store) -> None:
    """Deleted and created under the same name: Azure says when."""
    bring(store, listing(CHAT))
    anew = FIRST + timedelta(hours=5)
    bring(store, listing(NEWER, made=anew), FIRST + DAY)
    assert periods(store) == [("2024-08-06", MADE, anew), ("2024-11-20", anew, None)]


def test_what_is_no_longer_listed_ends_and_may_come_back(store: Store) -> None:
    """Only where the list is one of all of the account's deployments."""
    bring(store, listing(CHAT))
    assert bring(store, listing(whole=False), FIRST + DAY) == []
    assert bring(store, listing(), FIRST + DAY) == ["ended"]
    assert bring(store, listing(), FIRST + 2 * DAY) == []
    assert periods(store) == [("2024-08-06", MADE, FIRST + DAY)]
    again = FIRST + 3 * DAY
    assert bring(store, listing(NEWER, made=again), FIRST + 4 * DAY) == ["new"]
    assert periods(store) == [("2024-08-06", MADE, FIRST + DAY), ("2024-11-20", again, None)]


def test_other_accounts_and_the_settings_are_left_alone(store: Store, clock: FakeClock) -> None:
    """A list of one account says nothing of another, and a consumer's start nothing of imports."""
    other = replace(CHAT, backend="france")
    seed(store, clock, deployments=[Deployment("chat", "o3")])
    bring(store, Listing(((other, None),), frozenset({"france"})))
    bring(store, listing(CHAT))
    bring(store, listing(), FIRST + DAY)
    seed(store, clock, deployments=[Deployment("chat", "o4-mini")])
    rows = {(one.source, one.backend, one.model) for one in read_deployments(store.cursor())}
    assert rows == {
        ("settings", None, "o4-mini"), ("az", "france", "gpt-4o"), ("az", "sweden", "gpt-4o"),
    }  # fmt: skip


def test_a_region_that_is_known_only_now_is_no_change(store: Store) -> None:
    """The list of accounts may be imported later; it tells of the past as well."""
    bring(store, listing(CHAT))
    bring(store, listing(replace(CHAT, region="swedencentral")), FIRST + DAY)
    (entry,) = [one for one in read_deployments(store.cursor()) if one.source == "az"]
    assert (entry.region, entry.valid_from, entry.valid_to) == ("swedencentral", MADE, None)
    assert bring(store, listing(CHAT), FIRST + 2 * DAY) == ["unchanged"]


def test_a_dry_run_tells_the_same_and_writes_nothing(store: Store) -> None:
    """What would happen is what happens."""
    bring(store, listing(CHAT))
    told = import_listing(store, listing(NEWER), FIRST + DAY, dry=True)
    assert periods(store) == [("2024-08-06", MADE, None)]
    assert import_listing(store, listing(NEWER), FIRST + DAY, dry=False) == told
    assert isinstance(told[0], Change)


def test_history_that_is_charged_anew_is_charged_by_what_was_imported(
    loader: Loader, store: Store, clock: FakeClock
) -> None:
    """By the entry of its backend and its day; stored charges wait for that run."""
    calls = {name: [attempt(backend=name, deployment_type=None)] for name in ("sweden", "france")}
    days = (FIRST - DAY, FIRST + DAY)
    numbered = enumerate((calls[name], day) for name in calls for day in days)
    load(loader, *(event(number, at=day, attempts=one) for number, (one, day) in numbered))
    types = (
        "SELECT backend, deployment_type FROM charges "
        "GROUP BY backend, deployment_type, hour ORDER BY backend, hour"
    )
    bring(store, listing(CHAT))
    bring(store, listing(replace(CHAT, deployment_type="data_zone")), FIRST)
    assert {kind for _, kind in store.frame(types).rows()} == {"global"}
    spent = store.frame("SELECT sum(cost) FROM events").item()
    reprice(store, clock, since=MADE, until=FIRST + 2 * DAY)
    assert store.frame(types).rows() == [
        ("france", "global"), ("france", "global"), ("sweden", "global"), ("sweden", "data_zone"),
    ]  # fmt: skip
    assert store.frame("SELECT sum(cost) FROM events").item() > spent
    assert reprice(store, clock, since=MADE, until=FIRST + 2 * DAY).changes.is_empty()


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["2024-05-13", "2024-08-06", "2024-11-20", None]),
            st.one_of(st.none(), st.integers(-40, 40)),
        ),
        max_size=8,
    )
)
def test_periods_of_a_deployment_never_overlap(
    steps: list[tuple[str | None, int | None]],
) -> None:
    """Whatever is imported as of whatever day, one entry at most holds at a time."""
    known: list[Deployment] = []
    for number, (version, day) in enumerate(steps):
        now = FIRST + DAY * number
        since = None if day is None else FIRST + DAY * day
        found = listing() if version is None else listing(replace(CHAT, version=version))
        changes, plans = _plan(known, found, now, since)
        for entries in plans.values():
            known = entries
        ordered = sorted(known, key=lambda one: one.valid_from or MADE - DAY)
        for one in ordered:
            assert one.valid_to is None or one.valid_from is None or one.valid_from < one.valid_to
        for one, following in pairwise(ordered):
            assert one.valid_to is not None
            assert following.valid_from is not None
            assert one.valid_to <= following.valid_from
        if version is not None and changes[0].kind != "unchanged":
            assert [one.version for one in known if one.valid_to is None] == [version]
