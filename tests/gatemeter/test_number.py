"""Options that are numbers."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from gatemeter.number import Number


@click.command()
@click.option("--seconds", type=Number(0, 60, min_open=True), default=1)
def _show(seconds: float) -> None:
    click.echo(seconds)


@pytest.mark.parametrize("given", ["nan", "inf", "-inf", "0", "61", "ten"])
def test_what_is_no_number_within_the_bounds_is_one_clear_error(given: str) -> None:
    """The option is named, and nothing was done."""
    result = CliRunner().invoke(_show, ["--seconds", given])
    assert (result.exit_code, "Invalid value for '--seconds'" in result.output) == (2, True)


def test_numbers_pass() -> None:
    """Whole ones and parts."""
    assert CliRunner().invoke(_show, ["--seconds", "0.25"]).output == "0.25\n"
    assert CliRunner().invoke(_show, []).output == "1.0\n"
