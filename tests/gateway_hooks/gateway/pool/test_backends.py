"""How backends are written on a command line."""

from __future__ import annotations

import pytest

from gateway_hooks.errors import SettingsError
from gateway_hooks.gateway import Backend
from gateway_hooks.gateway.pool.backends import unique


def test_a_backend_is_an_address_with_options() -> None:
    """The key comes from the variable that is named, and is in no representation."""
    backend = Backend.parse(
        "https://east.openai.azure.com/base/,key=EAST,name=east,region=eastus,type=ptu",
        {"EAST": "secret"},
    )
    assert backend.key == "secret"
    assert (backend.name, backend.region, backend.deployment_type) == ("east", "eastus", "ptu")
    assert (backend.host, backend.port, backend.base_path) == (
        "east.openai.azure.com",
        443,
        "/base",
    )
    assert "secret" not in repr(backend)


@pytest.mark.parametrize(
    ("url", "name", "authority"),
    [
        ("https://a.example", "a.example", "a.example"),
        ("http://a.example:8080", "a.example:8080", "a.example:8080"),
        ("http://[::1]:9", "::1:9", "[::1]:9"),
    ],
)
def test_without_a_name_it_is_called_by_its_host(url: str, name: str, authority: str) -> None:
    """Ports that are not the usual ones are part of the name."""
    backend = Backend.parse(url, {})
    assert (backend.name, backend.authority) == (name, authority)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("east.openai.azure.com", "no address"),
        ("ftp://east", "no address"),
        ("https://a:70000", "Port out of range"),
        ("https://user:word@a", "no user"),
        ("https://a?x=1", "no user, query"),
        ("https://a,key=MISSING", "names no environment variable"),
        ("https://a,colour=red", "'colour' is no option"),
        ("https://a,region", "'region' is no option"),
        ("https://a,type=huge", "global, data_zone"),
    ],
)
def test_a_wrong_backend_says_what_to_do(text: str, says: str) -> None:
    """One line, and the start stops."""
    with pytest.raises(SettingsError, match=says):
        Backend.parse(text, {})


def test_a_key_given_instead_of_a_variable_is_not_repeated() -> None:
    """The commonest mistake must not put a key into a log."""
    with pytest.raises(SettingsError) as refused:
        Backend.parse("https://a,key=0123456789abcdef", {})
    assert "0123456789abcdef" not in str(refused.value)


def test_backends_are_told_apart_and_there_is_one() -> None:
    """Cool-downs and reports go by name."""
    backend = Backend.parse("https://a", {})
    assert unique([backend]) == (backend,)
    with pytest.raises(SettingsError, match="at least one"):
        unique([])
    with pytest.raises(SettingsError, match="two backends are called a"):
        unique([backend, Backend.parse("https://b,name=a", {})])
