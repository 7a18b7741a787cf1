"""The gateway's file: what a good one means, and what is said of a bad one."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway_hooks.errors import SettingsError
from gateway_hooks.gateway.config import read_config

GOOD = """\
[server]
host = "0.0.0.0"
port = 9000
workers = 2
access_log = true

[[backends]]
name = "ptu"
url = "https://ptu.openai.azure.com"
key_env = "PTU_KEY"
type = "ptu"

[[backends]]
name = "payg"
url = "https://payg.openai.azure.com"
identity = "managed"
region = "westeurope"

[[pools]]
deployments = ["gpt-4o*"]
routes = [
  { backend = "ptu", priority = 1, deployment = "gpt-4o-ptu" },
  { backend = "payg", priority = 2, weight = 3, type = "global" },
]

[[pools]]
[[pools.routes]]
backend = "payg"

[timeouts]
first_byte_of_stream = 20

[breaker]
failures = 3

[bounds]
max_body_bytes = 1_000_000

[budgets]
when_stale = "deny"

[operations]
key_env = "OPS_KEY"
"""
ENVIRONMENT = {"PTU_KEY": "SECRET-1", "OPS_KEY": "SECRET-2"}


def file(tmp_path: Path, text: str) -> Path:
    """A file with this text."""
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    return path


def line(text: str, wanted: str) -> int:
    """Where something stands, from 1."""
    return text[: text.index(wanted)].count("\n") + 1


def test_a_full_file_means_what_it_says(tmp_path: Path) -> None:
    """Each table arrives where it is used; secrets come from the environment."""
    config = read_config(file(tmp_path, GOOD), ENVIRONMENT)
    pools = config.made_pools(ENVIRONMENT)
    first, second = pools.routes("gpt-4o-mini")
    assert (first.backend.key, first.deployment, first.priority) == ("SECRET-1", "gpt-4o-ptu", 1)
    assert (second.backend.identity, second.weight, second.deployment_type) == (
        "managed", 3, "global",
    )  # fmt: skip
    assert [route.backend.name for route in pools.routes("whisper")] == ["payg"]
    assert config.made_timeouts().first_byte_of_stream == 20
    assert config.made_breaker().failures == 3
    assert config.server.workers == 2
    assert config.budgets is not None
    assert config.budgets.when_stale == "deny"
    assert config.operations.key(ENVIRONMENT) == "SECRET-2"
    assert "SECRET" not in repr(config)
    assert "SECRET" not in repr(pools)


def test_without_pools_backends_are_asked_in_order(tmp_path: Path) -> None:
    """The smallest file is one backend."""
    text = '[[backends]]\nname = "b"\nurl = "http://b"\n[[backends]]\nname = "a"\nurl = "http://a"'
    pools = read_config(file(tmp_path, text), {}).made_pools({})
    assert [route.backend.name for route in pools.routes("x")] == ["b", "a"]


@pytest.mark.parametrize(
    ("right", "wrong", "told_at", "said"),
    [
        ("port = 9000", 'port = "SECRET"', "port = ", "[server], port"),
        ("port = 9000", "prot = 9000", "prot = ", "[server], prot: is not known here"),
        ("workers = 2", "workers = 0", "workers", "greater than or equal to 1"),
        ('name = "payg"', 'name = "ptu"', 'name = "ptu"\nurl = "https://payg', "called ptu"),
        (
            'url = "https://payg.openai.azure.com"\n',
            "",
            '[[backends]]\nname = "payg"',
            "url: is mis",
        ),
        ('type = "ptu"', 'type = "put"', 'type = "put"', '[[backends]] number 1 ("ptu"), type'),
        ("weight = 3", "wieght = 3", '{ backend = "payg"', "wieght: is not known here"),
        ("weight = 3", "weight = 0", '{ backend = "payg"', "weight"),
        (
            '{ backend = "payg"',
            '{ backend = "SECRE"',
            '{ backend = "SECRE"',
            "none of the backends",
        ),
        ('routes]]\nbackend = "payg"', 'routes]]\nbackend = "x"', 'backend = "x"', "ptu, payg"),
        ('deployments = ["gpt-4o*"]', "", "[[pools]]\n[[pools.", "which is for the rest?"),
        ("failures = 3", "failures = -1", "failures", "[breaker], failures"),
        ("first_byte_of_stream = 20", "read = inf", "read =", "[timeouts], read"),
        ('when_stale = "deny"', 'when_stale = "SECRET"', "when_stale", "[budgets], when_stale"),
        ('"PTU_KEY"', '"SECRET-key"', "key_env", "names no environment variable that is set"),
        ('"OPS_KEY"', '"SECRET-key"', 'key_env = "SECRET-key"', "[operations], key_env"),
        ('url = "https://ptu.', 'url = "ftp://u:SECRET@ptu.', 'url = "ftp', "is no address"),
        ("workers = 2", 'tls_key = "SECRET"', "[server]", "go together"),
        (
            "workers = 2",
            'tls_key = "SECRET"\ntls_certificate = "SECRET"',
            "tls_certificate",
            "names no file",
        ),
    ],
)
def test_each_mistake_is_told_with_its_line_and_without_its_value(
    tmp_path: Path, right: str, wrong: str, told_at: str, said: str
) -> None:
    """Whoever reads the message knows where to look and what to write."""
    text = GOOD.replace(right, wrong, 1)
    path = file(tmp_path, text)
    with pytest.raises(SettingsError) as refused:
        read_config(path, ENVIRONMENT)
    message = str(refused.value)
    assert message.startswith(f"{path}:{line(text, told_at)}: ")
    assert said in message
    assert "SECRET" not in message
    assert "\n" not in message
    assert "docs/settings.md" not in message


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Nobody has to start the gateway once for each."""
    text = GOOD.replace("port = 9000", "port = -1").replace("failures = 3", "fails = 3")
    with pytest.raises(SettingsError) as refused:
        read_config(file(tmp_path, text), ENVIRONMENT)
    assert str(refused.value).count("gateway.toml:") == 2


@pytest.mark.parametrize("text", ["[server", 'a = "SECRET', "a = 1\na = 2", "\x00", "= 1"])
def test_what_is_no_toml_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    """With the file's name, and nothing of its content."""
    with pytest.raises(SettingsError, match=r"gateway\.toml: ") as refused:
        read_config(file(tmp_path, text), ENVIRONMENT)
    assert "SECRET" not in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(SettingsError, match="--config"):
        read_config(tmp_path / "none.toml")
