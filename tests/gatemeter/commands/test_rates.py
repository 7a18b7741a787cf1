"""`gatemeter rates`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import pytest

from analytics import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gatemeter.commands.conftest import Run


def test_list_filters_and_shows_dollars_per_million(run: Run) -> None:
    """The price that people know stands in the row."""
    done = run("rates", "list", "--model", "gpt-4.1-mini", "--deployment-type", "global", "--json")
    rows = json.loads(done.stdout)
    standard = [r for r in rows if (r["meter"], r["service_tier"]) == ("input", "standard")]
    assert [(row["price_per"], row["currency"], row["per"]) for row in standard] == [
        ("0.4", "USD", "1M tokens")
    ]
    assert {row["deployment_type"] for row in rows} == {"global"}
    table = run("rates", "list", "--model", "gpt-4.1-mini").stdout
    assert "0.400000" in table
    assert "image_size" not in table


def test_show_tells_everything_of_the_rate_that_a_charge_names(run: Run) -> None:
    """From a charge to its price list is one command."""
    query = "SELECT min(rate_id) AS id FROM spend_hourly WHERE meter = 'input'"
    (charge,) = json.loads(run("sql", "--json", query).stdout)
    printed = run("rates", "show", charge["id"]).stdout
    assert "azure-genai-prices" in printed
    assert "gpt 4o 1120 Inp glbl Tokens" in printed
    assert json.loads(run("rates", "show", charge["id"], "--json").stdout)[0]["meter"] == "input"
    assert run("rates", "show", "nothing").exit_code == 1


def test_explain_says_which_rate_applies_and_why(run: Run) -> None:
    """The winner, what stands in for it, and on request those that lost."""
    arguments = ("rates", "explain", "gpt-4o-2024-11-20", "--deployment-type", "data_zone")
    rows = json.loads(run(*arguments, "--region", "swedencentral", "--json").stdout)
    told = {row["meter"]: (row["price_per"], row["why"]) for row in rows}
    assert told["input"] == ("2.75", "Azure's list")
    assert told["cache_write"] == ("2.75", "billed as input: Azure's list")
    every = json.loads(run(*arguments, "--all", "--json").stdout)
    assert "is for type global" in {row["why"] for row in every}
    assert "unknown_model" in run("rates", "explain", "gpt-99").stdout


def test_without_a_store_the_price_lists_answer(run: Run, tmp_path: Path) -> None:
    """Prices can be looked up, and an own file tried, before anything is stored."""
    file = tmp_path / "rates.toml"
    file.write_text("[[rates]]\nmodel = 'gpt-4o'\nper_million_tokens = { input = 1 }\n")
    own = {"GATEMETER_STORE": str(tmp_path / "none"), "GATEMETER_RATES_FILE": str(file)}
    rows = json.loads(run("rates", "explain", "gpt-4o", "--json", env=own).stdout)
    assert next(row for row in rows if row["meter"] == "input")["source"] == "file"
    file.write_text("[[discounts]]\nname = 'EA'\npercent = 20\n")
    table = run("rates", "explain", "gpt-4o-2024-11-20", env=own).stdout
    assert "EA: 20 % off" in table
    assert "2.500000" in table
    file.write_text("[[rates]]\nmodel = 'gpt-4o'\n")
    done = run("rates", "list", env=own)
    assert done.exit_code == 1
    assert "[[rates]] number 1: no price" in done.stderr


@pytest.mark.parametrize(
    "asked", [["list"], ["explain", "gpt-4o"], ["show", "some-rate"], ["gaps"]]
)
def test_a_store_without_prices_says_so(run: Run, tmp_path: Path, asked: list[str]) -> None:
    """No answer is made from a card that is empty: one line says what fills it."""
    bare = tmp_path / "bare"
    Store.open(str(bare)).close()
    done = run("rates", *asked, env={"GATEMETER_STORE": str(bare)})
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"Error: the store at {bare} has no prices yet: `gatemeter consume --once` brings them\n"
    )


def test_a_version_is_shown_as_it_was_asked_for(run: Run) -> None:
    """Azure's list knows months and days only; people know 2024-11-20."""
    asked = ("rates", "explain", "gpt-4o-2024-11-20", "--deployment-type", "data_zone")
    rows = json.loads(run(*asked, "--region", "swedencentral", "--json").stdout)
    assert {row["model_version"] for row in rows} == {"2024-11-20"}
    others = json.loads(run(*asked, "--all", "--json").stdout)
    assert "0513" in {row["model_version"] for row in others}


def test_a_backend_tells_its_type_and_region(run: Run, tmp_path: Path) -> None:
    """The price of what goes there, without saying again what the settings say."""
    (tmp_path / "gatemeter.toml").write_text(
        '[backends."one.example"]\nname = "sweden"\nregion = "swedencentral"\n'
        'deployment_type = "data_zone"\n'
    )
    asked = ("rates", "explain", "gpt-4o-2024-11-20", "--json", "--backend")
    for name in ("sweden", "one.example"):
        rows = json.loads(run(*asked, name).stdout)
        assert {row["deployment_type"] for row in rows} == {"data_zone"}
    said = json.loads(run(*asked, "sweden", "--deployment-type", "global").stdout)
    assert {row["deployment_type"] for row in said} == {"global"}
    unknown = run(*asked, "norway")
    assert unknown.exit_code == 1
    assert "nothing is known of a backend 'norway', only of: sweden" in unknown.stderr


def test_a_deployment_s_backend_tells_what_it_serves_there(run: Run, tmp_path: Path) -> None:
    """One name that is another model elsewhere is priced by the entry of the backend."""
    (tmp_path / "gatemeter.toml").write_text(
        '[[deployments.talk]]\nmodel = "gpt-4o-2024-11-20"\nbackend = "here"\n'
        '[[deployments.talk]]\nmodel = "gpt-4.1-mini"\nbackend = "there"\n'
        'deployment_type = "global"\n'
    )
    none = {"GATEMETER_STORE": str(tmp_path / "none")}
    done = run("rates", "explain", "talk", "--backend", "there", "--json", env=none)
    assert {row["model"] for row in json.loads(done.stdout)} == {"gpt-4.1-mini"}


def test_explanations_fit_a_terminal(run: Run) -> None:
    """80 columns hold what was asked for; --wide and --json have the rest."""
    terminal = {"TTY_COMPATIBLE": "1", "TERM": "xterm", "COLUMNS": "80"}
    asked = ("rates", "explain", "gpt-4o-2024-11-20")
    lines = click.unstyle(run(*asked, env=terminal).stdout).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert {"meter", "price_per", "currency", "why"} <= set(lines[0].split())
    assert "source" in click.unstyle(run(*asked, "--wide", env=terminal).stdout).split("\n")[0]


def test_a_span_to_come_is_not_reassured(run: Run) -> None:
    """That nothing changes is no answer about charges that are not there yet."""
    done = run("rates", "reprice", "--since", "2999-01-01", "--until", "2999-02-01", "--dry-run")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "nothing is there yet: 2999-01-01" in done.stderr
