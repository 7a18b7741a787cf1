"""An import keeps history: what Azure lists now goes on, begins, changes or ends.

A list is a picture of one moment. When it shows something else than the one before, the change lies
somewhere between them; it counts from the import, unless the deployment was made anew since, or the
operator says the day. What a picture no longer shows has ended.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from analytics.ratecard.deployment_table import read_deployments, replace_imported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.deployments.azure_list import Listing
    from analytics.store import Store
    from analytics.types import Deployment

_EVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Change:
    """What an import does to one deployment."""

    kind: Literal["new", "changed", "ended", "unchanged"]
    entry: Deployment
    """What holds from now on, or held last."""
    before: Deployment | None
    at: datetime | None
    """When it begins, or ended; None: it has always been so."""


def import_listing(
    store: Store, listing: Listing, now: datetime, *, since: datetime | None = None, dry: bool
) -> list[Change]:
    """Bring the imported deployments up to date with a listing; what changed, by name.

    Args:
        store: where they are kept.
        listing: deployments as they are now.
        now: when it was made.
        since: from when on what changed is so; default: as of `now`.
        dry: only tell.

    Raises:
        StoreBusy: somebody else was writing; nothing was written.
    """
    changes, periods = _plan(read_deployments(store.cursor()), listing, now, since)
    if dry or all(change.kind == "unchanged" for change in changes):
        return changes
    with store.transaction() as connection:
        changes, periods = _plan(read_deployments(connection), listing, now, since)
        for (name, backend), entries in periods.items():
            replace_imported(connection, name, backend, entries)
    return changes


_Key = tuple[str, str]


def _plan(
    stored: Sequence[Deployment], listing: Listing, now: datetime, since: datetime | None
) -> tuple[list[Change], dict[_Key, list[Deployment]]]:
    """The changes, and the periods of each deployment that changes."""
    known: dict[_Key, list[Deployment]] = defaultdict(list)
    for entry in stored:
        if entry.source == "az" and entry.backend is not None:
            known[entry.name, entry.backend].append(entry)
    listed = {
        (entry.name, str(entry.backend)): (entry, made) for entry, made in listing.deployments
    }
    changes: list[Change] = []
    periods: dict[_Key, list[Deployment]] = {}
    for key in sorted(listed.keys() | {one for one in known if one[1] in listing.complete}):
        change = _change(known[key], listed.get(key), now, since)
        if change is None:
            continue
        changes.append(change)
        if change.kind != "unchanged":
            kept = _cut(known[key], change.at)
            periods[key] = kept if change.kind == "ended" else [*kept, change.entry]
    return changes, periods


def _change(
    periods: Sequence[Deployment],
    found: tuple[Deployment, datetime | None] | None,
    now: datetime,
    since: datetime | None,
) -> Change | None:
    """What becomes of one deployment; None when it is gone and was gone before."""
    last = max(periods, key=_start, default=None)
    is_open = last is not None and last.valid_to is None
    if found is None:
        return Change("ended", last, last, since or now) if last and is_open else None
    entry, made = found
    made = min(made, now) if made else None
    if last is None:
        at = since or made
        return Change("new", replace(entry, valid_from=at), None, at)
    if not is_open:
        at = since or max(made or _EVER, last.valid_to or _EVER)
        return Change("new", replace(entry, valid_from=at), last, at)
    entry = replace(entry, region=entry.region or last.region)
    if _facts(entry) == replace(_facts(last), region=entry.region) != _facts(last):
        # Lists of accounts are optional: a region that is known only now is no change.
        return Change("changed", replace(entry, valid_from=last.valid_from), last, last.valid_from)
    same = _facts(last) == _facts(entry)
    if same and (since is None or _start(last) <= since):
        return Change("unchanged", last, last, last.valid_from)
    made_anew = made is not None and last.valid_from is not None and made > last.valid_from
    at = since or (made if made_anew else now)
    return Change("changed", replace(entry, valid_from=at), last, at)


def _cut(periods: Sequence[Deployment], at: datetime | None) -> list[Deployment]:
    """What is left of them before a time."""
    if at is None:
        return []
    before = [one for one in periods if _start(one) < at]
    return [
        one if one.valid_to and one.valid_to <= at else replace(one, valid_to=at) for one in before
    ]


def _start(entry: Deployment) -> datetime:
    return entry.valid_from or _EVER


def _facts(entry: Deployment) -> Deployment:
    return replace(entry, valid_from=None, valid_to=None)
