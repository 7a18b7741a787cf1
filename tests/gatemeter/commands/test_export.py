"""`gatemeter export`."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from analytics.store import Store

if TYPE_CHECKING:
    from tests.gatemeter.commands.conftest import Run

MONTH = ("--month", "2026-11")


def test_focus_writes_a_file_and_says_what_it_adds_up_to(run: Run, tmp_path: Path) -> None:
    """The total on the screen is the file's, to the last digit."""
    out = tmp_path / "november.csv"
    done = run("export", "focus", *MONTH, "--out", str(out))
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == ["0.0065 USD", str(out)]
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert sum(Decimal(row["BilledCost"]) for row in rows) == Decimal("0.0065")


def test_the_summary_is_json_on_request(run: Run, tmp_path: Path) -> None:
    """For the job that hands the files on."""
    out = tmp_path / "focus"
    done = run("export", "focus", *MONTH, "--version", "1.3", "--out", str(out), "--json")
    summary = json.loads(done.stdout)
    assert summary["files"] == [str(out / "focus-1.3-2026-11.parquet")]
    assert summary["totals"] == [
        {
            "currency": "USD",
            "billed_cost": "0.0065",
            "effective_cost": "0.0065",
            "estimated_cost": "0",
        }
    ]
    assert summary["unpriced"] == {"rows": 0, "requests": 0, "file": None}


def test_the_settings_name_the_parties(run: Run, tmp_path: Path) -> None:
    """`[focus]` is read from the one TOML file."""
    (tmp_path / "gatemeter.toml").write_text(
        "[focus]\nbilling_account_id = 'B-1'\ninvoice_issuer = 'Contoso IT'\nsub_account = 'key'\n"
        "[focus.resource_ids]\nsweden = '/subscriptions/0/accounts/contoso'\n"
    )
    out = tmp_path / "november.csv"
    assert run("export", "focus", *MONTH, "--out", str(out)).exit_code == 0
    with out.open() as file:
        row = next(csv.DictReader(file))
    assert (row["BillingAccountId"], row["InvoiceIssuerName"]) == ("B-1", "Contoso IT")
    assert (row["SubAccountType"], row["SubAccountName"]) == ("Key", "search-app")
    assert row["ResourceId"] == "/subscriptions/0/accounts/contoso/deployments/chat"


def test_an_empty_period_is_an_empty_file_and_a_sentence(run: Run, tmp_path: Path) -> None:
    """No usage is no failure."""
    out = tmp_path / "empty.csv"
    done = run("export", "focus", "--month", "2020-01", "--out", str(out))
    assert done.exit_code == 0
    assert "nothing was charged" in done.stderr
    assert len(out.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "give either --month or --since"),
        ((*MONTH, "--since", "7d"), 2, "give either --month or --since"),
        (("--month", "2026-13"), 2, "is no month"),
        (("--since", "2026-11-02", "--until", "2026-11-01"), 2, "--until must be later"),
        (("--since", "2026-11-02", "--timezone", "Mars/Olympus"), 2, "Mars/Olympus"),
        ((*MONTH, "--store", "ducklake:mysql:x"), 1, "is no store"),
    ],
)
def test_a_mistake_is_one_line_and_no_file(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """Scripts see the exit code, people the sentence."""
    out = tmp_path / "a.csv"
    done = run("export", "focus", *arguments, "--out", str(out))
    assert (done.exit_code, out.exists()) == (code, False)
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_chargeback_prints_or_writes_the_same(run: Run, tmp_path: Path) -> None:
    """A table for people, JSON for programs, a file for finance."""
    rows = json.loads(run("export", "chargeback", *MONTH, "--format", "json").stdout)
    assert {row["team"]: row["total_cost"] for row in rows} == {
        "search": "0.00325",
        "sales": "0.00325",
    }
    out = tmp_path / "november.csv"
    done = run("export", "chargeback", *MONTH, "--by", "team,model", "--out", str(out))
    assert done.stdout == ""
    assert "total 0.0065 USD" in done.stderr
    with out.open() as file:
        assert {row["total_cost"] for row in csv.DictReader(file)} == {"0.00325"}
    table = run("export", "chargeback", *MONTH).stdout
    assert "idle_cost" not in table  # a column that says nothing
    assert run("export", "chargeback", *MONTH, "--by", "colour").exit_code == 1


def test_chargeback_takes_the_business_s_month(run: Run) -> None:
    """The zone of the settings, unless another is named."""
    arguments = ("--since", "2026-11-20T09:00", "--until", "2026-11-20T10:00", "--format", "json")
    here = run("export", "chargeback", *arguments).stdout
    there = run("export", "chargeback", *arguments, env={"GATEMETER_TIMEZONE": "Asia/Tokyo"}).stdout
    assert (len(json.loads(here)), len(json.loads(there))) == (2, 0)
    named = run(
        "export", "chargeback", *arguments, "--timezone", "UTC",
        env={"GATEMETER_TIMEZONE": "Asia/Tokyo"},
    )  # fmt: skip
    assert named.stdout == here


def test_a_view_becomes_a_file(run: Run, tmp_path: Path) -> None:
    """All of it, or a period."""
    out = tmp_path / "spend.parquet"
    done = run("export", "view", "spend_daily", "--out", str(out))
    assert done.stdout == f"6 rows in {out}\n"
    done = run("export", "view", "spend_daily", "--month", "2026-10", "--out", str(out))
    assert done.stdout.startswith("0 rows")
    assert run("export", "view", "rates", "--out", str(out)).exit_code == 2


@pytest.mark.parametrize(
    "asked",
    [
        ["focus", "--out", "{out}.csv"],
        ["chargeback"],
        ["view", "spend_daily", "--out", "{out}.csv"],
    ],
)
def test_what_has_not_begun_is_not_exported(run: Run, tmp_path: Path, asked: list[str]) -> None:
    """An empty file of a month to come would look like a month without costs."""
    out = str(tmp_path / "out")
    done = run("export", *(part.format(out=out) for part in asked), "--month", "2999-01")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "nothing is there yet: 2999-01-01" in done.stderr
    assert not Path(f"{out}.csv").exists()


@pytest.mark.parametrize(
    "asked",
    [
        ["focus", "--out", "{out}.csv"],
        ["chargeback"],
        ["view", "charges", "--out", "{out}.csv"],
    ],
)
def test_a_store_that_cannot_answer_is_one_line(run: Run, tmp_path: Path, asked: list[str]) -> None:
    """A damaged store ends an export with a sentence and leaves no half file."""
    with Store.open(str(tmp_path / "store")) as store, store.transaction() as connection:
        connection.execute("DROP VIEW usage.charges")
    out = str(tmp_path / "out")
    done = run("export", *(part.format(out=out) for part in asked), *MONTH)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert "cannot answer" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not Path(f"{out}.csv").exists()
