"""Budgets, quotas, alerts and channels in the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatemeter.channels import SmtpSettings, WebhookSettings
from gatemeter.settings import Settings
from gateway_hooks.errors import SettingsError
from gateway_hooks.settings import HookSettings

FILE = """
[[budgets]]
name = "all"
limit = "1500.00"
channels = ["hook"]

[[budgets]]
name = "search"
team = "search"
measure = "tokens"
limit = 1_000_000
period = "weekly"

[[quotas]]
deployment = "chat"
tokens_per_minute = 450_000

[[channels]]
name = "hook"
type = "webhook"
format = "slack"
url = "https://hooks.example/s3cr3t"

[[channels]]
name = "mail"
type = "smtp"
host = "mail.example"
username = "gm"
password = "s3cr3t"
sender = "a@example.com"
to = ["b@example.com"]

[alerts]
channels = ["hook", "mail"]
anomaly_smallest = "2.5"
"""


_MAIL = 'type = "smtp"\nhost = "h"\nsender = "a"\nto = ["b"]\n'


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEMETER_HOME", str(tmp_path))


def write(tmp_path: Path, text: str) -> None:
    """The settings file."""
    (tmp_path / "gatemeter.toml").write_text(text)


def test_every_table_is_read(tmp_path: Path) -> None:
    """What the file says is what is watched: no budget is lost on the way."""
    write(tmp_path, FILE)
    settings = Settings.load()
    assert [budget.name for budget in settings.budgets] == ["all", "search"]
    assert settings.quotas[0].tokens_per_minute == 450_000
    assert [type(one) for one in settings.channels] == [WebhookSettings, SmtpSettings]
    assert settings.alerts.channels == ("hook", "mail")


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    """Printing the settings shows neither passwords nor addresses of webhooks."""
    write(tmp_path, FILE)
    settings = Settings.load()
    assert "s3cr3t" not in f"{settings!r} {settings} {settings.model_dump()}"
    assert "s3cr3t" not in settings.model_dump_json()


def test_gateways_pass_over_them(tmp_path: Path) -> None:
    """A gateway that shares the file starts all the same."""
    write(tmp_path, FILE)
    assert HookSettings.load().home == tmp_path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '[[budgets]]\nname = "a"\nlimit = 1\nlimitt = 2',
            'gatemeter.toml: [[budgets]] number 1 ("a"), limitt: is not known here',
        ),
        ('[[budgets]]\nname = "a"\nlimit = 0', '("a"), limit: should be greater than 0'),
        ('[[budgets]]\nname = "a"', '[[budgets]] number 1 ("a"), limit: is missing: add it'),
        (
            '[[budgets]]\nname = "a"\nlimit = 1\n[[budgets]]\nname = "a"\nlimit = 2',
            "gatemeter.toml: [[budgets]], name: there are two of the name 'a'",
        ),
        (
            '[[budgets]]\nname = "a"\nlimit = 1\nchannels = ["mial"]',
            "[[budgets]] \"a\", channels: there is no [[channels]] with the name 'mial'",
        ),
        ('[[quotas]]\ndeployment = "chat"', '[[quotas]] number 1 ("chat"): give tokens_per_minute'),
        (
            '[alerts]\nchannels = ["x"]',
            "[alerts], channels: there is no [[channels]] with the name 'x'",
        ),
        (
            '[[channels]]\nname = "a"\ntype = "pigeon"',
            '[[channels]] number 1 ("a"): its `type` is none that there is',
        ),
    ],
)
def test_a_mistake_stops_the_start(tmp_path: Path, text: str, words: str) -> None:
    """Nobody believes to have a budget or a channel that is not there."""
    write(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "lines",
    [
        'type = "webhook"\nurl = "ftp://s3cr3t"',
        'type = "webhook"\nurl = "s3cr3t"',
        'type = "webhook"\nurl = "https://[s3cr3t"',
        'type = "webhook"\nurl = "https://x.example"\ns3cr3t = 5\nformat = "s3cr3t"',
        f'{_MAIL}password = "s3cr3t"',
        f'{_MAIL}username = "u"\npassword = "s3cr3t"\nsecurity = "none"',
    ],
)
def test_a_mistake_beside_a_secret_does_not_quote_it(tmp_path: Path, lines: str) -> None:
    """The message names the place and not the value."""
    write(tmp_path, f'[[channels]]\nname = "a"\n{lines}')
    with pytest.raises(SettingsError, match=r"\[\[channels\]\] number 1") as caught:
        Settings.load()
    assert "s3cr3t" not in str(caught.value).replace(", s3cr3t:", "")
