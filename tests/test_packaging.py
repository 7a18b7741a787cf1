"""What an installation brings, and that the lock files can be used by anyone."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
HEAVY = {"duckdb", "polars", "pyarrow", "pandas", "numpy", "streamlit", "azure-eventhub", "openai"}


def closure(distribution: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """Names of all that `pip install distribution[extras]` brings on this machine."""
    found: set[str] = set()
    todo = [(distribution, extras)]
    while todo:
        name, wanted = todo.pop()
        for text in importlib.metadata.requires(name) or []:
            requirement = Requirement(text)
            marker = requirement.marker
            if marker and not any(marker.evaluate({"extra": e}) for e in {"", *wanted}):
                continue
            child = canonicalize_name(requirement.name)
            if child == "gatemeter" or child not in found:
                found.add(child)
                todo.append((child, frozenset(requirement.extras)))
    return found


def test_the_hooks_alone_are_light() -> None:
    """`pip install gatemeter` brings no database, frame, dashboard or Event Hubs client."""
    assert not closure("gatemeter") & HEAVY


def test_every_required_package_is_behind_its_extra() -> None:
    """The extras bring what their names promise."""
    assert "azure-eventhub" in closure("gatemeter", frozenset({"eventhub"}))
    assert {"duckdb", "polars"} <= closure("gatemeter", frozenset({"ingest"}))
    assert {"streamlit", "duckdb"} <= closure("gatemeter", frozenset({"dashboard"}))
    assert {"starlette", "uvicorn"} <= closure("gatemeter", frozenset({"gateway"}))
    everything = closure("gatemeter", frozenset({"all"}))
    assert everything >= {"azure-eventhub", "duckdb", "polars", "streamlit", "pydantic", "tiktoken"}


@pytest.mark.parametrize(
    "name", ["requirements.lock", "requirements-litellm.lock", "requirements-focus.lock"]
)
def test_lock_files_pin_by_hash_and_name_no_index(name: str) -> None:
    """A lock file works with any index, and only with the very same files."""
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert "index-url" not in text
    pins = re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE)
    assert len(pins) > 30
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    assert all("--hash=sha256:" in block for block in blocks)
    assert ("litellm", "1.107.0") not in pins


def test_importing_the_hooks_loads_nothing_heavy() -> None:
    """A gateway's start does not pay for pydantic, HTTP clients or tokenizers it may not use."""
    code = "import sys, gateway_hooks; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = set(done.stdout.split())
    assert not loaded & {*HEAVY, "pydantic", "tiktoken", "httpx", "httpx2", "litellm", "starlette"}
