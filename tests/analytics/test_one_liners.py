"""Other tools open a store with the lines that we print."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from analytics.extensions import bundled_binary
from analytics.one_liners import one_liners
from tests.analytics.samples import event, load

if TYPE_CHECKING:
    from analytics.load import Loader
    from analytics.store import Store

# The shell's stand-in: DuckDB alone, with its extensions from files because there is no network.
_SHELL = """
import sys, duckdb
shell = duckdb.connect()
for path in {binaries!r}:
    shell.execute(f"LOAD '{{path}}'")
shell.execute({lines!r})
print(shell.sql("SELECT team, sum(cost)::VARCHAR FROM spend_daily GROUP BY ALL").fetchall())
assert not any(name.startswith("analytics") for name in sys.modules)
"""
_ATTACHED = """
import duckdb
shell = duckdb.connect()
for path in {binaries!r}:
    shell.execute(f"LOAD '{{path}}'")
shell.execute({statement!r})
print(shell.sql("SELECT count(*) FROM lake.{view}").fetchall()[0][0])
"""


def run(code: str) -> str:
    """What a fresh process prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_plain_duckdb_shell_can_query_the_views(loader: Loader, store: Store) -> None:
    """Analysts need nothing of ours: the views are stored in the lake."""
    load(loader, event(1))
    lines = re.sub(r"INSTALL \w+; ", "", one_liners(store.url)["DuckDB shell"])
    binaries = [str(bundled_binary(name)) for name in store.address.extensions]
    printed = run(_SHELL.format(binaries=binaries, lines=lines))
    assert printed == "[('search', '0.003250000000000000')]"


def test_polars_can_read_a_view(loader: Loader, store: Store) -> None:
    """The Python lines run as they are, but for the extensions' download."""
    load(loader, event(1))
    text = one_liners(store.url)["Python with polars"]
    loads = "; ".join(f"LOAD '{bundled_binary(name)}'" for name in store.address.extensions)
    text = re.sub(r'"INSTALL [^"]+"', repr(loads), text)
    *steps, last = text.split("; c.")
    code = "; c.".join(steps) + f"; print(c.{last}['cost'].sum())"
    assert run(code) == "0.003250000000000000"


@pytest.mark.parametrize("view", ["usage_events", "spend_daily", "pipeline_health"])
def test_views_work_under_another_name(loader: Loader, store: Store, view: str) -> None:
    """Who attaches the store as something else than `usage` gets the same views."""
    load(loader, event(1))
    statement = store.address.attach_statement("lake", read_only=True)
    binaries = [str(bundled_binary(name)) for name in store.address.extensions]
    code = _ATTACHED.format(binaries=binaries, statement=statement, view=view)
    assert int(run(code)) >= 1
