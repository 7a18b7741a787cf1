"""What a settings' error says: the file, the table, the field, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway_hooks.settings_errors import explain, sentence, table_entry

FILE = Path("/etc/gatemeter.toml")


class Post(BaseModel):
    """One of two kinds."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["post"]
    name: str
    to: list[int] = []


class Call(BaseModel):
    """The other."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["call"]
    name: str
    number: int


class Price(BaseModel):
    """A table in a table."""

    amount: Annotated[int, Field(gt=0)]


class Everything(BaseModel):
    """What a file may hold."""

    size: int = 1
    ways: list[Annotated[Post | Call, Field(discriminator="kind")]] = []
    by_host: dict[str, Price] = {}
    several: dict[str, tuple[Price, ...]] = {}


def told(written: dict[str, object], file: Path | None = FILE, **variables: str) -> str:
    """What is said of this content."""
    with pytest.raises(ValidationError) as caught:
        Everything.model_validate(written)
    return explain(caught.value, file, written, variables.get)


@pytest.mark.parametrize(
    ("written", "place", "what"),
    [
        ({"size": "s3cr3t"}, "size", "should be a valid integer"),
        (
            {"ways": [{"kind": "post", "name": "a"}, {"kind": "call", "name": "b"}]},
            '[[ways]] number 2 ("b"), number',
            "is missing: add it",
        ),
        (
            {"ways": [{"kind": "post", "name": "a", "to": [1, "s3cr3t"]}]},
            '[[ways]] number 1 ("a"), to number 2',
            "should be a valid integer",
        ),
        ({"ways": [{"name": "a"}]}, '[[ways]] number 1 ("a")', "`type` is missing"),
        ({"by_host": {"a.b:80": {"amount": 0}}}, '[by_host."a.b:80"], amount', "greater than 0"),
        ({"several": {"x": [{"amount": 0}]}}, "[[several.x]] number 1, amount", "greater than 0"),
    ],
)
def test_file_table_and_field_are_named(written: dict[str, object], place: str, what: str) -> None:
    """Whoever wrote the line finds it, and a value is not quoted."""
    said = told(written)
    assert said.startswith(f"{FILE}: {place}: ")
    assert what in said
    assert "s3cr3t" not in said


def test_a_variable_is_named_where_it_wins() -> None:
    """Nobody looks in a file for what the environment says."""
    assert told({"size": "x"}, size="GATEMETER_SIZE").startswith("GATEMETER_SIZE: should be")
    assert told({"size": "x"}, None).startswith("size: should be")


def test_an_entry_without_a_name_has_its_number() -> None:
    """And one without a number its name, as other checks of settings say it."""
    assert table_entry("quotas", 2, None) == "[[quotas]] number 2"
    assert table_entry("quotas", None, "chat") == '[[quotas]] "chat"'
    assert sentence(FILE, "[alerts]", "is wrong") == f"{FILE}: [alerts]: is wrong"


def test_the_file_is_named_once() -> None:
    """Several mistakes are one line that can be read."""
    said = told({"size": "x", "by_host": {"one": {"amount": 0}}})
    assert said.count(str(FILE)) == 1
    assert "size: should be" in said
    assert "[by_host.one], amount: should be" in said
