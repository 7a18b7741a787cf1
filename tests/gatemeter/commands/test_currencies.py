"""`gatemeter currencies`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from analytics.currencies import exchange_rates_of
from analytics.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gatemeter.commands.conftest import Run

ECB = "Date,USD,JPY,\n2026-11-03,1.25,160,\n2026-11-02,1.0842,163.41,\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of exchange rates."""
    path = tmp_path / "eurofxref.csv"
    path.write_text(ECB)
    return path


def test_rates_are_listed_as_reports_use_them(run: Run, file: Path) -> None:
    """What was given and what follows from it, on one day or on all."""
    settings = {"GATEMETER_EXCHANGE_RATES_FILE": str(file)}
    assert run("currencies", "import", env=settings).exit_code == 0
    assert run("currencies", "import", env=settings).stdout == "nothing has changed\n"
    done = run("currencies", "list", "--at", "2026-11-02", "--json")
    rows = {row["from_currency"]: (row["rate"], row["source"]) for row in json.loads(done.stdout)}
    assert rows == {"EUR": ("1.0842", "file"), "JPY": ("0.00663484", "cross over EUR")}
    done = run("currencies", "list", "--from", "usd", "--to", "EUR", "--all", "--json")
    assert [(row["valid_from"], row["rate"]) for row in json.loads(done.stdout)] == [
        ("2026-11-02", "0.92233905"),
        ("2026-11-03", "0.8"),
    ]
    assert json.loads(run("currencies", "list", "--at", "2026-11-01", "--json").stdout) == []


def test_maintain_reads_the_file_too(run: Run, file: Path, tmp_path: Path) -> None:
    """A file that is replaced every night needs no command of its own."""
    assert run("maintain", env={"GATEMETER_EXCHANGE_RATES_FILE": str(file)}).exit_code == 0
    with Store.open(str(tmp_path / "store"), read_only=True) as store:
        assert exchange_rates_of(store).currencies == ["EUR", "JPY", "USD"]


def test_a_wrong_file_is_one_line(run: Run, file: Path) -> None:
    """The line of the file is named, and nothing else is printed."""
    file.write_text(ECB + "2026-11-04,many,1,\n")
    done = run("currencies", "import", env={"GATEMETER_EXCHANGE_RATES_FILE": str(file)})
    assert done.exit_code == 1
    assert done.stderr.strip().endswith("line 4: 'many' is no rate such as 1.0842")


def test_without_a_file_the_setting_is_named(run: Run) -> None:
    """Who has set nothing learns what to set."""
    done = run("currencies", "import")
    assert done.exit_code == 1
    assert "GATEMETER_EXCHANGE_RATES_FILE" in done.stderr
