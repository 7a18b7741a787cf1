"""`gatemeter apim policy` prints a policy, and says what is wrong with a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.gatemeter.commands.conftest import Run


def test_the_policy_is_printed(run: Run) -> None:
    """It can be redirected to a file, and the options are in it."""
    done = run("apim", "policy", "--logger", "hub", "--gateway", "gw-1", "--escaped")
    assert done.exit_code == 0
    assert done.stdout.startswith("<policies>")
    assert 'logger-id="hub"' in done.stdout
    assert "&lt;" in done.stdout


def test_a_wrong_name_is_one_line_on_stderr(run: Run) -> None:
    """And the exit code is not 0."""
    done = run("apim", "policy", "--logger", "no spaces")
    assert done.exit_code == 1
    assert "logger 'no spaces' is no name" in done.stderr
