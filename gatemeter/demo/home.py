"""The demo's folder: a gatemeter home like any other, so every command works on it afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatemeter.demo.cast import BACKENDS, CALLERS, MODELS
from gateway_hooks.fingerprint import Fingerprinter
from gateway_hooks.settings import HookSettings, key_salt

if TYPE_CHECKING:
    from pathlib import Path


def write_home(folder: Path) -> None:
    """Make the folder with a salt and a gatemeter.toml that names keys, backends, deployments.

    Raises:
        SettingsError: no salt can be kept there.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "logs").mkdir(exist_ok=True)
    salt = key_salt(HookSettings.load(home=folder))
    (folder / "gatemeter.toml").write_text(_settings(Fingerprinter(salt)))


def _settings(fingerprints: Fingerprinter) -> str:
    parts = ['gateway = "demo"\n']
    for caller in CALLERS:
        if caller.has_alias:
            key_id = fingerprints.key_id(caller.fingerprinted)
            parts.append(f'[keys.{key_id}]\nname = "{caller.name}"\nteam = "{caller.team}"\n')
    parts += [
        f'[backends."{backend.name}"]\nregion = "{backend.region}"\n'
        f'deployment_type = "{backend.deployment_type}"\n'
        for backend in BACKENDS
    ]
    parts += [f'[deployments."{name}"]\nmodel = "{model}"\n' for name, model in MODELS.items()]
    return "\n".join(parts)
