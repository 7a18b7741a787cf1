"""Saved answers of the price API, in every way that people save them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from analytics.errors import RateCardError
from analytics.ratecard.price_files import find_price_files, read_price_files
from tests.analytics.ratecard.made_answers import item, page, save

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.ratecard.price_files import SavedAnswers

ONE, TWO = item(0.0004), item(0.0016, "gpt 4.1 mini Outp glbl Tokens")


def read(*files: Path) -> SavedAnswers:
    """What the files hold."""
    return read_price_files(find_price_files(files))


@pytest.mark.parametrize(
    "documents",
    [
        [page(ONE, TWO)],
        [page(ONE, more=True), page(TWO)],
        [[page(ONE, more=True), page(TWO)]],
        [[ONE, TWO]],
        [ONE, TWO],
    ],
    ids=["page", "pages", "list of pages", "list of items", "items by line"],
)
def test_answers_are_read_however_they_were_saved(tmp_path: Path, documents: list[object]) -> None:
    """One page, several in a row or in a list, or the items alone: the same prices."""
    answers = read(save(tmp_path / "prices.json", *documents))
    assert [(one.name, str(one.price)) for one in answers.items] == [
        (ONE["meterName"], "0.0004"),
        (TWO["meterName"], "0.0016"),
    ]
    assert answers.complete


def test_a_folder_of_pages_is_one_list(tmp_path: Path) -> None:
    """Pages that were saved side by side are read together."""
    save(tmp_path / "1.json", page(ONE, more=True))
    save(tmp_path / "2.json", page(TWO))
    (tmp_path / "notes.txt").write_text("not a price")
    answers = read(tmp_path)
    assert len(answers.items) == 2
    assert answers.complete


def test_a_missing_last_page_is_noticed(tmp_path: Path) -> None:
    """A list that was saved in part is not taken for the whole."""
    assert not read(save(tmp_path / "prices.json", page(ONE, more=True))).complete


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_files_saved_by_powershell_are_read(tmp_path: Path, encoding: str) -> None:
    """Windows writes other encodings and marks."""
    file = tmp_path / "prices.json"
    file.write_bytes(json.dumps(page(ONE)).encode(encoding))
    assert len(read(file).items) == 1


def test_the_currency_may_stand_on_the_page(tmp_path: Path) -> None:
    """Items that were saved without their currency take that of the answer."""
    bare = {name: value for name, value in ONE.items() if name != "currencyCode"}
    answers = read(save(tmp_path / "prices.json", page(bare, BillingCurrency="EUR")))
    assert answers.items[0].currency == "EUR"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("<html>", "it is no JSON"),
        ('{"Items": [', "it is no JSON"),
        ('{"error": "throttled"}', 'it has no "Items"'),
        ("5", 'it has no "Items"'),
        ('[{"meterName": "x"}]', "item 0.currencyCode: Field required"),
        ("[5]", "item 0: "),
        (json.dumps([item(-1)]), "item 0.retailPrice"),
        (json.dumps([ONE, {**ONE, "effectiveStartDate": "soon"}]), "item 1.effectiveStartDate"),
        (json.dumps([{**ONE, "retailPrice": float("nan")}]), "item 0.retailPrice"),
        ("\x80", "it is no JSON"),
    ],
)
def test_what_is_no_answer_is_named_with_the_reason(
    tmp_path: Path, text: str, complaint: str
) -> None:
    """One line says which file is wrong, and why; nothing of it is used."""
    file = tmp_path / "prices.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(RateCardError, match=r"prices\.json is no saved answer") as told:
        read(file)
    assert complaint in str(told.value)
    assert "\n" not in str(told.value)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    """An empty folder and a folder's name in place of a file's are said."""
    with pytest.raises(RateCardError, match=r"has no \.json files"):
        find_price_files([tmp_path])
    with pytest.raises(RateCardError, match="cannot be read"):
        read_price_files([tmp_path / "nothing.json"])


def test_the_version_is_the_content(tmp_path: Path) -> None:
    """The same answer is recognised, another one is told apart."""
    first = read(save(tmp_path / "a.json", page(ONE))).version
    assert read(save(tmp_path / "b.json", page(ONE))).version == first
    assert read(save(tmp_path / "c.json", page(TWO))).version != first
