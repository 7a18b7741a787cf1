"""What the settings say of deployments becomes entries of the store."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gatemeter.deployments import configured_deployments
from gatemeter.settings import Settings
from gateway_hooks.errors import SettingsError

PAGE = Path(__file__).parent.parent.parent / "docs" / "deployments.md"


def load(folder: Path, text: str) -> Settings:
    """The settings of a file."""
    (folder / "gatemeter.toml").write_text(text)
    return Settings.load(home=folder)


def test_the_example_of_the_page_can_be_used(tmp_path: Path) -> None:
    """Whoever pastes it gets the entries that the page describes."""
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    first, *chat = configured_deployments(load(tmp_path, example))
    assert (first.name, first.model, first.deployment_type) == ("team-gpt", "gpt-4o", "data_zone")
    november = datetime(2026, 11, 1, tzinfo=UTC)
    assert [(one.model, one.valid_from, one.valid_to) for one in chat] == [
        ("gpt-4o", None, november), ("gpt-4.1", november, None), ("gpt-4.1", None, None),
    ]  # fmt: skip
    assert (chat[2].deployment_type, chat[2].capacity) == ("ptu", 100)
    assert {one.source for one in chat} == {"settings"}


def test_a_backend_is_called_as_in_events(tmp_path: Path) -> None:
    """By its host or by its name, an entry means the same."""
    text = '[backends."h.example"]\nname = "sweden"\n'
    for backend in ("h.example", "sweden", "other.example"):
        text += f'[[deployments.chat]]\nmodel = "gpt-4o"\nbackend = "{backend}"\n'
    found = [one.backend for one in configured_deployments(load(tmp_path, text))]
    assert found == ["sweden", "sweden", "other.example"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "[deployments.chat]\nregion = 'x'",
            r"toml: \[deployments\.chat\], model: is missing: add it",
        ),
        (
            "[[deployments.chat]]\nmodel = 'a'\n[[deployments.chat]]\nmodle = 'b'",
            r"\[\[deployments\.chat\]\] number 2, modle: is not known here",
        ),
        (
            "[deployments.chat]\nmodel = 'a'\ncapacity = -1",
            r"\[deployments\.chat\], capacity: should be",
        ),
        (
            "[deployments.chat]\nmodel = 'a'\nvalid_from = 2026-02-01\nvalid_to = 2026-01-01",
            "is not after valid_from",
        ),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, text: str, says: str) -> None:
    """By its deployment, and which of several it is."""
    with pytest.raises(SettingsError, match=says):
        load(tmp_path, text)
