"""`gatemeter report provisioned`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from analytics.store import Store
from tests.analytics.provisioned.made_blocks import block, put_blocks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gatemeter.commands.conftest import Run

JANUARY = ("--since", "2026-01-01", "--until", "2026-02-01")


@pytest.fixture
def bought(tmp_path: Path, run: Run) -> Run:
    """The command, with 30 PTUs for January that nobody used: 22,320 USD."""
    with Store.open(str(tmp_path / "store")) as store:
        put_blocks(
            store,
            block(
                ptus=30,
                valid_from=datetime(2026, 1, 1, tzinfo=UTC),
                valid_to=datetime(2026, 2, 1, tzinfo=UTC),
            ),
        )
    return run


def test_people_read_what_it_cost_and_what_would_have_been_cheaper(bought: Run) -> None:
    """Cost, idle share, the cheapest size, and the sizes that Azure deploys."""
    done = bought("report", "provisioned", *JANUARY)
    assert done.exit_code == 0
    assert "22,320.00 USD for 22,320.00 PTU-hours" in done.stdout
    assert "idle 100.0%, 22,320.00 USD" in done.stdout
    assert "0 PTUs: 30 fewer would have cost 22,320.00 USD less" in done.stdout
    table = done.stdout[done.stdout.index("\nptus") :].split("\n\n")[0].strip().splitlines()
    assert [line.split()[0] for line in table[1:]] == ["30", "25", "20", "15", "0"]
    assert "a PTU carries 2,500 input tokens a minute" in done.stdout


def test_programs_get_every_choice_exactly(bought: Run) -> None:
    """Money is text in JSON; `--what-if` leaves the one that was asked for."""
    (report,) = json.loads(bought("report", "provisioned", *JANUARY, "--json").stdout)
    assert report["cost"] == report["idle_cost"] == "22320"
    assert [one["fewer"] for one in report["choices"]] == list(range(31))
    assert report["choices"][3]["saved"] == "2232"
    done = bought("report", "provisioned", *JANUARY, "--json", "--what-if", "-3")
    (asked,) = json.loads(done.stdout)
    assert [Decimal(one["total"]) for one in asked["choices"]] == [Decimal(20088)]


def test_no_block_and_a_wrong_question_are_one_line(run: Run) -> None:
    """Nothing bought is said so, and more PTUs are not made up."""
    assert "add [[provisioned]]" in run("report", "provisioned").stdout
    assert run("report", "provisioned", "--json").stdout == "[]\n"
    wrong = run("report", "provisioned", "--what-if", "3")
    assert wrong.exit_code == 2
    assert "such as -3" in wrong.stderr


def test_more_ptus_fewer_than_there_are_is_said(bought: Run, tmp_path: Path) -> None:
    """Nobody reads what no PTUs would have cost for what 100 fewer would have."""
    arguments = ("report", "provisioned", *JANUARY, "--what-if", "-100")
    done = bought(*arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: no block has 100 PTUs to take away: chat (30); give at most as many\n"
    )
    january, february = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2))
    with Store.open(str(tmp_path / "store")) as store:
        put_blocks(
            store,
            block(ptus=30, valid_from=january, valid_to=february),
            block(
                block="large", deployments=("big",), ptus=200,
                valid_from=january, valid_to=february,
            ),
        )  # fmt: skip
    done = bought(*arguments, "--json")
    assert done.exit_code == 0
    assert "fewer than 100 PTUs, so all of them are taken away: chat (30)\n" in done.stderr
