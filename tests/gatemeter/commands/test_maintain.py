"""`gatemeter maintain`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.gatemeter.commands.conftest import Run


def test_it_says_what_it_did(run: Run) -> None:
    """People get a sentence, programs an object."""
    done = run("maintain", "--json")
    assert done.exit_code == 0
    summary = json.loads(done.stdout)
    assert summary["rewritten_files"] == 10
    assert summary["deleted_events"] == 0
    assert "0 small files rewritten" in run("maintain").stdout


def test_retention_comes_from_the_option_or_the_settings(run: Run) -> None:
    """The made-up traffic is of November 2026; whenever the test runs, it is not from tomorrow."""
    kept = json.loads(run("maintain", "--json", "--older-than", "9999w").stdout)
    assert kept["deleted_events"] == 0
    assert run("maintain", "--older-than", "soon").exit_code == 2
    bad = run("maintain", env={"GATEMETER_RETENTION_DAYS": "0"})
    assert bad.exit_code != 0


def test_a_wrong_store_is_one_line(run: Run) -> None:
    """The address is named, without a trace."""
    done = run("maintain", "--store", "ducklake:mysql:x")
    assert (done.exit_code, "is no store" in done.stderr) == (1, True)
