"""`gatemeter deployments`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.analytics.deployments.azure import account, deployment

if TYPE_CHECKING:
    from tests.gatemeter.commands.conftest import Run


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A folder with Azure's list of one account, whose backend the settings call `sweden`."""
    (tmp_path / "gatemeter.toml").write_text(
        '[backends."contoso-sweden.openai.azure.com"]\nname = "sweden"\n'
    )
    folder = tmp_path / "az"
    folder.mkdir()
    write(folder, deployment(), deployment("idle", model="o3", version="2025-04-16"))
    (folder / "accounts.json").write_text(json.dumps([account()]))
    return folder


def write(folder: Path, *deployments: Any) -> None:
    """Let Azure list these."""
    (folder / "deployments.json").write_text(json.dumps(deployments))


def test_an_import_is_told_listed_and_checked(run: Run, listed: Path) -> None:
    """From Azure's list to entries by the name that events call the backend."""
    told = run("deployments", "import", str(listed), "--dry-run")
    assert "2 would change" in told.stdout
    assert json.loads(run("deployments", "list", "--json").stdout) == []
    done = run("deployments", "import", str(listed))
    assert done.exit_code == 0, done.stderr
    assert (
        "+ chat on sweden from 2026-03-01 08:00Z: gpt-4o 2024-11-20 GlobalStandard 120"
        in done.stdout
    )
    rows = json.loads(run("deployments", "list", "--json").stdout)
    assert [(row["deployment"], row["backend"], row["region"]) for row in rows] == [
        ("chat", "sweden", "swedencentral"), ("idle", "sweden", "swedencentral"),
    ]  # fmt: skip
    assert (rows[0]["capacity"], rows[0]["tokens_per_minute"]) == (120, 120_000)
    checked = run("deployments", "check", "--since", "2026-01-01")
    assert (checked.exit_code, checked.stdout) == (0, "nothing is wrong\n")


def test_a_second_import_keeps_the_first(run: Run, listed: Path) -> None:
    """What changed and what is gone stay in the list of all."""
    run("deployments", "import", str(listed))
    write(listed, deployment(sku="DataZoneStandard"))
    rows = json.loads(
        run("deployments", "import", str(listed), "--since", "2026-11-01", "--json").stdout
    )
    assert [(row["kind"], row["deployment"], row["before"]) for row in rows] == [
        ("changed", "chat", "gpt-4o 2024-11-20 GlobalStandard 120"),
        ("ended", "idle", "o3 2025-04-16 GlobalStandard 120"),
    ]
    every = json.loads(run("deployments", "list", "--all", "--json").stdout)
    assert [(row["deployment"], row["deployment_type"], row["valid_to"]) for row in every] == [
        ("chat", "global", "2026-11-01T00:00:00+00:00"),
        ("chat", "data_zone", None),
        ("idle", "global", "2026-11-01T00:00:00+00:00"),
    ]


def test_what_must_be_mended_makes_the_exit_code_1(run: Run, listed: Path) -> None:
    """So that a nightly job notices."""
    write(listed, deployment(sku="NextYear"))
    run("deployments", "import", str(listed))
    checked = run("deployments", "check", "--json")
    assert checked.exit_code == 1
    (finding,) = json.loads(checked.stdout)
    assert (finding["kind"], finding["mend"]) == ("sku", True)
    told = run("deployments", "check").stdout
    assert "to be mended" in told
    assert "True" not in told


def test_the_settings_take_one_table_or_several(run: Run, tmp_path: Path) -> None:
    """A deployment that changed has one table for each period; a wrong one is named."""
    config = tmp_path / "gatemeter.toml"
    config.write_text(
        """
        [backends."contoso-sweden.openai.azure.com"]
        name = "sweden"

        [deployments.always]
        model = "gpt-4o"

        [[deployments.chat]]
        model = "gpt-4o"
        valid_to = 2026-11-01

        [[deployments.chat]]
        model = "gpt-4.1"
        backend = "contoso-sweden.openai.azure.com"
        sku = "DataZoneProvisionedManaged"
        capacity = 50
        valid_from = 2026-11-01
        """
    )
    assert run("consume", "--once").exit_code == 0
    rows = json.loads(run("deployments", "list", "--all", "--json").stdout)
    assert [
        (row["deployment"], row["backend"], row["model"], row["deployment_type"], row["valid_from"])
        for row in rows
    ] == [
        ("always", None, "gpt-4o", None, None),
        ("chat", None, "gpt-4o", None, None),
        ("chat", "sweden", "gpt-4.1", "ptu", "2026-11-01T00:00:00+00:00"),
    ]
    config.write_text(
        "[deployments.chat]\nmodel = 'o3'\nvalid_from = 2026-11-01\nvalid_to = 2026-11-01"
    )
    done = run("deployments", "check")
    assert done.exit_code == 1
    assert "gatemeter.toml: [deployments.chat]: valid_to (2026-11-01) is not after" in str(
        done.exception
    )


def test_what_is_no_list_is_one_line(run: Run, tmp_path: Path) -> None:
    """The file, and what to do."""
    path = tmp_path / "list.json"
    path.write_text("Name\n")
    done = run("deployments", "import", str(path))
    assert done.exit_code == 1
    assert done.stderr == f"Error: {path} is no JSON: write it with `az ... -o json`\n"
