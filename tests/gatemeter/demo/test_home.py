"""The demo's folder."""

from __future__ import annotations

from pathlib import Path

from gatemeter.demo.cast import BACKENDS, CALLERS, MODELS
from gatemeter.demo.home import write_home
from gatemeter.settings import Settings
from gateway_hooks.fingerprint import Fingerprinter
from gateway_hooks.settings import key_salt


def test_every_command_can_use_it(tmp_path: Path) -> None:
    """Its settings load, and name keys, backends and deployments; nothing secret is in them."""
    write_home(tmp_path / "home")
    settings = Settings.load(home=tmp_path / "home")
    prints = Fingerprinter(key_salt(settings))
    for caller in CALLERS:
        alias = settings.keys.get(prints.key_id(caller.fingerprinted))
        assert (alias is not None) is caller.has_alias
        assert alias is None or (alias.name, alias.team) == (caller.name, caller.team)
    assert {name: facts[0].model for name, facts in settings.deployments.items()} == MODELS
    assert set(settings.backends) == {backend.name for backend in BACKENDS}
    text = (tmp_path / "home" / "gatemeter.toml").read_text()
    secrets = [caller.key for caller in CALLERS if caller.key]
    assert not any(secret in text for secret in [*secrets, *(one.key for one in BACKENDS)])
