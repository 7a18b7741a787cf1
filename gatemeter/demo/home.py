"""The demo's folder: a gatemeter home like any other, so every command works on it afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatemeter.demo.cast import BACKENDS, CALLERS, MODELS
from gateway_hooks.fingerprint import Fingerprinter
from gateway_hooks.settings import HookSettings, key_salt

if TYPE_CHECKING:
    from collections.abc import Sequence
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


def write_gateway(folder: Path, port: int, urls: Sequence[str]) -> Path:
    """Make the gateway's file: the backends in order, and Content Safety, which one of them plays.

    Everybody is let in by the key that is theirs in gatemeter.toml.

    Args:
        folder: the demo's.
        port: to listen on; 0 for any.
        urls: where the backends are.
    """
    parts = [f"[server]\nport = {port}\n", "[access]\nanonymous = true\n"]
    parts += [
        f'[[backends]]\nname = "{backend.name}"\nurl = "{url}"\n'
        f'key_env = "{backend.key_variable}"\nregion = "{backend.region}"\n'
        f'type = "{backend.deployment_type}"\n'
        for backend, url in zip(BACKENDS, urls, strict=True)
    ]
    parts.append(
        f'[content_safety]\nendpoint = "{urls[0]}"\nkey_env = "{BACKENDS[0].key_variable}"\n'
        'shield_prompt = true\non_failure = "open"\n'
    )
    file = folder / "gateway.toml"
    file.write_text("\n".join(parts))
    return file


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
