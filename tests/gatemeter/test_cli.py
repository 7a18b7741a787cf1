"""The command line helps before it fails."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from gatemeter.cli import COMMANDS, cli


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself_with_an_example(name: str) -> None:
    """`--help` of each command says what it does and shows one line to copy."""
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    if "Commands:" not in result.output:
        assert f"gatemeter {name}" in result.output.split("Options:")[-1], result.output


def test_the_list_of_commands_is_true() -> None:
    """`gatemeter --help` names every command."""
    result = CliRunner().invoke(cli, ["--help"])
    assert all(name in result.output for name in COMMANDS)


def test_the_list_of_commands_is_in_the_order_of_use() -> None:
    """Who reads from the top meets first what is needed first: begin, look, money, upkeep."""
    printed = CliRunner().invoke(cli, ["--help"]).output
    ordered = ["Begin:", "demo", "consume", "Look:", "report", "Money:", "rates", "Upkeep:"]
    places = [printed.index(f"\n{word}" if ":" in word else f"\n  {word}") for word in ordered]
    assert places == sorted(places)


def test_an_unknown_command_is_one_clear_line() -> None:
    """A typo does not end in a traceback."""
    result = CliRunner().invoke(cli, ["consmue"])
    assert result.exit_code == 2
    assert "No such command" in result.output


def test_a_missing_extra_names_the_command_that_installs_it() -> None:
    """With the hooks alone installed, `gatemeter sql` says which extra it needs."""
    code = (
        "import sys; sys.modules['duckdb'] = None; sys.argv = ['gatemeter', 'sql', 'select 1'];"
        "from gatemeter.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'gatemeter[ingest]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_setting_is_one_line_on_stderr() -> None:
    """Whatever the command, a setting that cannot be used is named."""
    code = "from gatemeter.cli import main; main(['consume', '--once'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"GATEMETER_BATCH_ROWS": "many"},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("gatemeter: GATEMETER_BATCH_ROWS")
    assert len(done.stderr.splitlines()) == 1
