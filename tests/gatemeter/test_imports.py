"""Every command starts from a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

from gatemeter.cli import COMMANDS

# One process that knows the large packages, and a child of it for each command.
CODE = """
import importlib, os, sys
import click, duckdb, polars, pyarrow, pydantic
for name in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module("gatemeter.commands." + name)
        except BaseException as error:
            print(name, error, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def test_every_command_can_be_imported_first() -> None:
    """No module works only because another one was imported before it."""
    names = [name.replace("-", "_") for name in COMMANDS]
    done = subprocess.run(
        [sys.executable, "-c", CODE, *names], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
