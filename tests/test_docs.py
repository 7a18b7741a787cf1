"""Documentation that the code can check, checked."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gatemeter.cli import COMMANDS

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


def test_generated_parts_are_up_to_date() -> None:
    """Settings, event fields and the JSON Schema in docs/ are those of the code."""
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}run: python docs/generate.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    """No page points to a file that is not there."""
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_pages_exist(page: Path) -> None:
    """Every `gatemeter x` that a page shows in code is a command."""
    code = " ".join(re.findall(r"```(?:sh|console)\n(.*?)```", page.read_text(), re.DOTALL))
    for name in re.findall(r"\bgatemeter ([a-z][a-z-]+)", code):
        assert name in COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_in_the_pages_compiles(page: Path) -> None:
    """Examples can be pasted: they are at least Python."""
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        compile(block, str(page), "exec")


def test_every_dependency_has_its_sentence() -> None:
    """docs/dependencies.md names every package that pyproject.toml asks for."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(item for extra in extras for item in extra)]
    page = (ROOT / "docs" / "dependencies.md").read_text()
    names = {re.split(r"[\[<>=!~ ]", item, maxsplit=1)[0] for item in wanted} - {"gatemeter"}
    assert {name for name in names if f"`{name}`" not in page} == set()
