"""`gatemeter reconcile`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.analytics.exports.reconcile.bills import CACHED, INPUT, OUTPUT, line, write_bill

if TYPE_CHECKING:
    from tests.gatemeter.commands.conftest import Run

DAY = {"Date": "11/20/2026"}


@pytest.fixture
def bill(tmp_path: Path) -> Path:
    """A bill of what the store has, and of 1,000 tokens that it has not."""
    return write_bill(
        tmp_path / "bill.csv",
        [
            line(INPUT, "2.6", "0.0065", **DAY),
            line(CACHED, "0.4", "0.0005", **DAY),
            line(OUTPUT, "0.2", "0.002", **DAY),
        ],
    )


def test_the_summary_says_what_was_captured_and_why_not_all(run: Run, bill: Path) -> None:
    """One look tells whether the gateway sees the whole bill."""
    done = run("reconcile", str(bill))
    assert done.exit_code == 0, done.output
    assert "captured 72.22 % of 0.01 USD billed for models" in done.stdout
    assert "+0.002500  outside gateway: billed usage that did not pass" in done.stdout
    assert "gpt-4o 1120 input global" in done.stdout


def test_json_has_everything_and_exact_money(run: Run, bill: Path) -> None:
    """For the job that watches it."""
    done = run("reconcile", str(bill), "--json", "--by", "day,meter")
    found = json.loads(done.stdout)
    assert found["summary"]["causes"] == {"outside_gateway": "0.0025"}
    assert found["summary"]["captured_percent"] == "72.22"
    assert found["summary"]["difference"] == "0.0025"
    assert len(found["rows"]) == 3
    assert found["rows"][0]["outside_gateway"] == "0.0025"
    assert found["rows"][0]["day"] == "2026-11-20"


def test_the_account_is_found_by_the_backend_s_host(run: Run, bill: Path, tmp_path: Path) -> None:
    """`[backends."<host>"]` says which account a named backend is."""
    by_resource = ("reconcile", str(bill), "--json", "--by", "resource")
    assert [row["resource"] for row in json.loads(run(*by_resource).stdout)["rows"]] == [""]
    (tmp_path / "gatemeter.toml").write_text(
        "[backends.'contoso-sweden.openai.azure.com']\nname = 'sweden'\n"
    )
    rows = json.loads(run(*by_resource).stdout)["rows"]
    assert [row["resource"] for row in rows] == ["contoso-sweden"]


def test_rows_can_be_written_to_a_file(run: Run, bill: Path, tmp_path: Path) -> None:
    """Finance takes them along."""
    out = tmp_path / "differences.csv"
    done = run("reconcile", str(bill), "--out", str(out))
    assert "captured" in done.stdout
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["difference"] for row in rows] == ["0.0025", "0", "0"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nothing.csv",), 1, "there is no file nothing.csv"),
        (("{bill}", "--by", "colour"), 1, "cannot split by 'colour'"),
        (("{bill}", "--exchange-rate", "much"), 2, "is no rate such as 0.92"),
        (("{bill}", "--exchange-rate", "0"), 2, "is no rate such as 0.92"),
        ((), 2, "Missing argument"),
    ],
)
def test_a_mistake_is_one_line(
    run: Run, bill: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """Scripts see the exit code, people the sentence."""
    done = run("reconcile", *(text.format(bill=bill) for text in arguments))
    assert done.exit_code == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
