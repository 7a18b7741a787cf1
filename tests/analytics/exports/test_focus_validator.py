"""The standard's own validator, under every criterion it knows.

`make .venv-focus` sets it up where Python 3.12 is found. Its rules are those of FOCUS 1.2; three of
them cannot hold, whatever a file says, because each contradicts the rule before it:

- InvoiceId must be null (C-004) and must not be null (C-005), both without a condition;
- CommitmentDiscountStatus must be null (C-003) and must not be null (C-004), both where
  CommitmentDiscountId is null, though the text of C-004 says where it is not;
- CapacityReservationStatus must not be null (C-004) in every row, because its condition is written
  as no reader reads it, and must be null (C-003) where there is no reservation.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from analytics.exports.focus import FocusRequest, export_focus
from analytics.exports.parties import Parties
from analytics.exports.period import Period
from analytics.store import Store

ENVIRONMENT = Path(__file__).parents[3] / ".venv-focus"
CONTRADICTIONS = {
    "InvoiceId-C-005-C": "InvoiceId-C-004-C",
    "CommitmentDiscountStatus-C-004-C": "CommitmentDiscountStatus-C-003-C",
    "CapacityReservationStatus-C-004-C": "CapacityReservationStatus-C-003-C",
}
_RESULT = re.compile(r"(\S+): (PASS|FAIL|SKIPPED)\s+\(violations=\d+(.*)")


def validate(file: Path) -> tuple[set[str], set[str]]:
    """The rules that passed, and those that failed by themselves, not by a rule they contain."""
    program = ENVIRONMENT / "bin" / "focus-validator"
    if not program.is_file():
        if os.environ.get("REQUIRE_FOCUS_VALIDATOR"):
            pytest.fail(f"there is no {program}")
        pytest.skip("no focus-validator: make .venv-focus (needs Python 3.12)")
    done = subprocess.run(
        [
            program, "--data-file", file, "--validate-version", "1.2.0.1", "--block-download",
            "--focus-dataset", "CostAndUsage", "--applicability-criteria", "ALL",
        ],
        cwd=next((ENVIRONMENT / "lib").glob("python*/site-packages")),  # where it opens its files
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )  # fmt: skip
    results = _RESULT.findall(done.stdout)
    assert results, done.stdout + done.stderr
    passed = {rule for rule, verdict, _ in results if verdict == "PASS"}
    failed = {
        rule
        for rule, verdict, why in results
        if verdict == "FAIL" and "failed child rules" not in why
    }
    return passed, failed


def test_only_rules_that_contradict_each_other_fail(billed: Store, tmp_path: Path) -> None:
    """A month of every kind of charge, provisioned throughput too, is valid FOCUS."""
    file = tmp_path / "october.csv"
    export_focus(billed, FocusRequest(Period.month("2026-10"), Parties()), file)
    passed, failed = validate(file)
    assert failed == set(CONTRADICTIONS)
    assert set(CONTRADICTIONS.values()) <= passed
    assert len(passed) > 330
