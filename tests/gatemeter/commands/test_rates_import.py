"""`gatemeter rates import`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.analytics.ratecard.made_answers import item, page, save

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gatemeter.commands.conftest import Run


def test_an_import_tells_what_it_read_and_changed(run: Run, tmp_path: Path) -> None:
    """How many meters were ours, and how many rates came and went, for people and programs."""
    training = item(1, "gpt-4.1-mini FT Training regional Tokens")
    file = str(save(tmp_path / "prices.json", page(item(0.0005, currencyCode="EUR"), training)))
    told = run("rates", "import", file, "--dry-run").stdout
    assert "2 prices of 2 meters in 1 regions read (EUR); 1 meters are no usage of ours" in told
    assert "1 rates: 1 would be added, 0 would be ended" in told
    summary = json.loads(run("rates", "import", file, "--json").stdout)
    assert (summary["rates_added"], summary["meters_of_no_usage"]) == (1, 1)
    assert summary["currencies"] == ["EUR"]
    rows = json.loads(run("rates", "list", "--model", "gpt-4.1-mini", "--json").stdout)
    imported = [row for row in rows if row["source"] == "azure-retail"]
    assert [(row["price_per"], row["currency"]) for row in imported] == [("0.5", "EUR")]
    again = json.loads(run("rates", "import", file, "--json").stdout)
    assert (again["rates_added"], again["rates_ended"]) == (0, 0)


def test_a_folder_of_pages_is_imported_with_the_contract(run: Run, tmp_path: Path) -> None:
    """Discounts are off the list from the import on, and the summary says so."""
    folder = tmp_path / "pages"
    folder.mkdir()
    save(folder / "1.json", page(item(0.0005), more=True))
    save(folder / "2.json", page(item(0.002, "gpt 4.1 mini Outp glbl Tokens")))
    rates = tmp_path / "rates.toml"
    rates.write_text("[[discounts]]\nname = 'EA'\npercent = 10\nmodel = 'gpt-4.1-mini'\n")
    own = {"GATEMETER_RATES_FILE": str(rates)}
    done = run("rates", "import", str(folder), env=own)
    assert "of your contract: 2 added, 0 ended" in done.stdout
    rows = json.loads(run("rates", "explain", "gpt-4.1-mini", "--json", env=own).stdout)
    told = next(row for row in rows if row["meter"] == "input")
    assert (told["price_per"], told["list_price_per"]) == ("0.45", "0.5")


def test_a_list_without_its_last_page_is_imported_with_a_warning(run: Run, tmp_path: Path) -> None:
    """Half a list is better than none, and nobody should take it for the whole."""
    file = save(tmp_path / "prices.json", page(item(0.0005), more=True))
    done = run("rates", "import", str(file))
    assert done.exit_code == 0
    assert "the last page is missing" in done.stderr


def test_what_is_no_price_list_is_one_clear_error(run: Run, tmp_path: Path) -> None:
    """A wrong file changes nothing and says what is wrong with it."""
    file = tmp_path / "prices.json"
    file.write_text("<html>")
    done = run("rates", "import", str(file))
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "is no saved answer of the Azure Retail Prices API" in done.stderr
    machine = item(0.1, "D2s v5", productName="Virtual Machines", unitOfMeasure="1 Hour")
    other = run("rates", "import", str(save(file, page(machine))))
    assert other.exit_code == 1
    assert "serviceName eq 'Foundry Models'" in other.stderr


def test_a_store_is_made_and_seeded_by_an_import(run: Run, tmp_path: Path) -> None:
    """Prices may be the first thing that a store gets; a dry run makes none."""
    file = str(save(tmp_path / "prices.json", page(item(0.0005))))
    new = {"GATEMETER_STORE": str(tmp_path / "new")}
    told = json.loads(run("rates", "import", file, "--dry-run", "--json", env=new).stdout)
    assert told["rates_added"] == 1
    assert not (tmp_path / "new").exists()
    assert run("rates", "import", file, env=new).exit_code == 0
    rows = json.loads(run("rates", "list", "--json", env=new).stdout)
    assert {"azure-retail", "azure-genai-prices"} <= {row["source"] for row in rows}
