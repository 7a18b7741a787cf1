"""How Streamlit is started."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from streamlit import config

from dashboard.server import CannotListen, Server, free_port, variable
from dashboard.settings import STORE_VARIABLE, NoStoreNamed, settings_from_environment


def options(server: Server) -> dict[str, str]:
    """The options of Streamlit that a server sets, by their own names."""
    environment = server.environment()
    known = {option.env_var: name for name, option in config.get_config_options().items()}
    return {known[name]: environment[name] for name in environment if name in known}


def test_every_option_is_one_that_streamlit_knows() -> None:
    """A renamed option fails here, instead of silently doing nothing."""
    server = Server("127.0.0.1", 8501, "store", "UTC")
    ours = {name for name in server.environment() if name.startswith("STREAMLIT_")}
    assert ours == {variable(name) for name in options(server)}


def test_the_app_is_told_what_money_is_shown_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The currency and the file of exchange rates reach the pages, and nothing stays nothing."""
    file = Path("/etc/ecb.csv")
    server = Server("127.0.0.1", 8501, "s", "UTC", currency="EUR", exchange_rates_file=file)
    for told, wanted in ((server, ("EUR", file)), (Server("h", 1, "s", "UTC"), ("USD", None))):
        for name, value in told.environment().items():
            monkeypatch.setenv(name, value)
        found = settings_from_environment()
        assert (found.currency, found.exchange_rates_file) == wanted


def test_nothing_is_sent_anywhere() -> None:
    """No usage statistics, no mail prompt, no links to search engines in errors."""
    set_options = options(Server("127.0.0.1", 8501, "store", "UTC"))
    assert set_options["browser.gatherUsageStats"] == "false"
    assert set_options["server.showEmailPrompt"] == "false"
    assert set_options["client.showErrorLinks"] == "false"


def test_on_this_machine_only_this_machine_s_names_are_answered() -> None:
    """A page elsewhere cannot read the store by pointing its own name at 127.0.0.1."""
    local = options(Server("127.0.0.1", 8501, "store", "UTC"))
    assert local["server.allowedHosts"].split() == ["127.0.0.1", "::1", "localhost"]
    assert "server.allowedHosts" not in options(Server("10.1.2.3", 8501, "store", "UTC"))


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8600"),
        ("0.0.0.0", "http://127.0.0.1:8600"),  # noqa: S104 - what is shown for it
        ("::1", "http://[::1]:8600"),
        ("usage.example", "http://usage.example:8600"),
    ],
)
def test_the_address_can_be_opened(host: str, address: str) -> None:
    """What is printed is what a browser takes."""
    assert Server(host, 8600, "store", "UTC").address == address


def test_a_taken_port_is_said_so() -> None:
    """The start ends before Streamlit does, with the way out."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotListen, match=f"port {port} is taken: give another with --port"):
            free_port("127.0.0.1", port)


def test_port_0_is_any_free_one() -> None:
    """Tests and second dashboards need no number."""
    assert free_port("127.0.0.1", 0) > 0


def test_a_foreign_address_is_said_so() -> None:
    """An address of another machine cannot be listened on."""
    with pytest.raises(CannotListen, match=r"cannot listen on 192\.0\.2\.1:0"):
        free_port("192.0.2.1", 0)


def test_the_app_says_when_nobody_named_its_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started by hand, the app names the command that starts it."""
    monkeypatch.delenv(STORE_VARIABLE, raising=False)
    with pytest.raises(NoStoreNamed, match="gatemeter dashboard"):
        settings_from_environment()
