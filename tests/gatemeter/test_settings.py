"""Settings are read once, from environment and file, and a bad value stops the start."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from gatemeter.settings import Settings
from gateway_hooks.errors import SettingsError
from gateway_hooks.settings import HookSettings, key_salt


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEMETER_HOME", str(tmp_path))


def test_defaults_follow_home(tmp_path: Path) -> None:
    """One variable moves the queue and the store together."""
    settings = Settings.load()
    assert settings.queue_folder == tmp_path / "queue"
    assert settings.store_url == str(tmp_path / "store")


def test_the_file_is_read_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator can override a file's value for one run."""
    (tmp_path / "gatemeter.toml").write_text('gateway = "file"\nbatch_rows = 5\n')
    monkeypatch.setenv("GATEMETER_GATEWAY", "environment")
    settings = Settings.load()
    assert (settings.gateway, settings.batch_rows) == ("environment", 5)


def test_the_hooks_share_the_file_with_the_other_rooms(tmp_path: Path) -> None:
    """A gateway does not stumble over settings of the store in the common file."""
    (tmp_path / "gatemeter.toml").write_text('gateway = "gw"\nbatch_rows = 5\n')
    assert HookSettings.load().gateway == "gw"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GATEMETER_QUEUE_MAX_BYTES", "lots"),
        ("GATEMETER_QUEUE_FULL", "explode"),
        ("GATEMETER_SYNC_INTERVAL_MS", "-1"),
        ("GATEMETER_TIMEZONE", "Mars/Olympus"),
        ("GATEMETER_CURRENCY", "EUT"),
        ("GATEMETER_KEYS", "{not json"),
        ("GATEMETER_CONFIG", "nowhere.toml"),
    ],
)
def test_a_bad_value_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """The operator reads which variable to mend."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    message = str(caught.value)
    assert variable in message or variable.removeprefix("GATEMETER_").lower() in message
    assert "\n" not in message


def test_a_misspelt_line_of_the_file_is_refused(tmp_path: Path) -> None:
    """A typo in the file is not silently ignored."""
    (tmp_path / "gatemeter.toml").write_text("batch_rowz = 5\n")
    with pytest.raises(SettingsError, match=r"gatemeter\.toml: batch_rowz: is not known here"):
        Settings.load()


def test_a_broken_file_is_one_clear_error(tmp_path: Path) -> None:
    """TOML that cannot be parsed names the file, without a traceback."""
    (tmp_path / "gatemeter.toml").write_text("gateway = \n")
    with pytest.raises(SettingsError, match=r"gatemeter\.toml"):
        Settings.load()


def test_a_bad_salt_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret never appears in an error."""
    monkeypatch.setenv("GATEMETER_KEY_SALT", "tooshort-s3cr3t")
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert "GATEMETER_KEY_SALT" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_a_salt_is_made_once_and_kept_private(tmp_path: Path) -> None:
    """Without a setting, fingerprints stay the same from one start to the next."""
    first = key_salt(HookSettings.load())
    assert key_salt(HookSettings.load()) == first
    assert len(first) == 64
    assert stat.S_IMODE((tmp_path / "key-salt").stat().st_mode) == 0o600


def test_a_home_that_cannot_be_written_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only container learns that it must bring its own salt."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("GATEMETER_HOME", str(blocked / "home"))
    with pytest.raises(SettingsError, match="GATEMETER_KEY_SALT"):
        key_salt(HookSettings.load())
