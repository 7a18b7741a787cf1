"""What an operator can set for the hooks: environment `GATEMETER_*` and one TOML file.

The file is `$GATEMETER_CONFIG`, else `$GATEMETER_HOME/gatemeter.toml` when it exists; the
environment wins over it. Both are read once, when a meter is made. Other rooms extend this model
(`gatemeter.settings`), so a file serves all of them.
"""

from __future__ import annotations

import os
import secrets
import socket
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from gateway_hooks.errors import SettingsError
from gateway_hooks.event import DeploymentType, Name
from gateway_hooks.settings_errors import explain

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "GATEMETER_"
MEBIBYTE = 1 << 20


class KeyAlias(BaseModel):
    """What a key's fingerprint is called in reports. TOML: `[keys.<key_id>]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name | None = None
    team: Name | None = None


class BackendFacts(BaseModel):
    """What a backend's host does not tell by itself. TOML: `[backends."<host>"]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name | None = None
    region: Name | None = None
    deployment_type: DeploymentType | None = None


class HookSettings(BaseSettings):
    """Settings of everything that runs inside a gateway process."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", env_nested_delimiter=None
    )

    home: Annotated[Path, Field(description="Folder of everything not set apart")] = (
        Path.home() / ".gatemeter"
    )
    queue: Annotated[
        Path | None, Field(description="Folder of the file queue; default home/queue")
    ] = None
    gateway: Annotated[Name, Field(description="This gateway's name in events")] = (
        socket.gethostname()
    )
    key_salt: Annotated[
        SecretStr | None,
        Field(
            min_length=16,
            description="Secret of the key fingerprints; gateways that share it agree on key_id. "
            "Default: made once and kept in home/key-salt",
        ),
    ] = None
    include_usage: Annotated[
        bool, Field(description="Ask for usage in streams that did not, and hide the extra chunk")
    ] = True
    skip_paths: Annotated[
        tuple[str, ...],
        Field(description="Paths that are not recorded: health checks and the like"),
    ] = ("/health", "/healthz", "/livez", "/readyz", "/metrics", "/favicon.ico")
    max_body_bytes: Annotated[
        int,
        Field(
            ge=1024,
            description="Longest request or answer that is read for usage; longer ones pass unread",
        ),
    ] = 32 * MEBIBYTE
    queue_max_bytes: Annotated[int, Field(ge=MEBIBYTE, description="Disk budget of the queue")] = (
        1024 * MEBIBYTE
    )
    queue_full: Annotated[
        Literal["drop_newest", "keep_writing"],
        Field(description="At the disk budget: drop and count new events, or fill the disk"),
    ] = "drop_newest"
    segment_max_bytes: Annotated[
        int, Field(ge=4096, lt=1 << 40, description="A segment is sealed at this size")
    ] = 64 * MEBIBYTE
    segment_max_seconds: Annotated[
        float, Field(gt=0, description="A segment is sealed at this age")
    ] = 60.0
    sync_interval_ms: Annotated[
        int, Field(ge=0, description="Time between fdatasync calls; 0 leaves it to the system")
    ] = 50
    event_hub: Annotated[
        SecretStr | None,
        Field(
            description="Hub that carries the events: a connection string with EntityPath, or "
            "sb://NAMESPACE/HUB to log in by Entra"
        ),
    ] = None
    event_hub_transport: Annotated[
        Literal["amqp", "websocket"],
        Field(description="AMQP over TCP (port 5671), or over WebSockets (port 443)"),
    ] = "amqp"
    event_hub_endpoint: Annotated[
        str | None,
        Field(
            description="`sb://HOST[:PORT]` to connect to instead of the hub's own host: a private "
            "endpoint or a proxy"
        ),
    ] = None
    event_hub_partition_by: Annotated[
        Literal["segment", "key"],
        Field(
            description="What decides an event's partition: the segment it was written to, which "
            "packs best, or its key's fingerprint"
        ),
    ] = "segment"
    keys: Annotated[dict[str, KeyAlias], Field(description="Names and teams by key_id")] = {}
    backends: Annotated[
        dict[str, BackendFacts], Field(description="Names, regions and types by host")
    ] = {}

    @property
    def queue_folder(self) -> Path:
        """Where the file queue is."""
        return self.queue or self.home / "queue"

    @classmethod
    def load(cls, **overrides: Any) -> Self:  # noqa: ANN401 - each override is checked by its field
        """Read the settings once.

        Raises:
            SettingsError: a value cannot be used; the message names it, and where it stands.
        """
        try:
            return cls(**overrides)
        except ValidationError as error:
            raise SettingsError(_explain(error, overrides)) from None
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{config_file(overrides.get('home'))}: {error}") from None
        except ValueError as error:
            # What pydantic-settings says of JSON in a variable: it names the field.
            raise SettingsError(f"settings cannot be read: {error}") from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base class's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment over the file."""
        init = init_settings()
        file = config_file(init.get("home"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)


def config_file(home: object = None) -> Path | None:
    """The TOML file that applies, or None.

    Raises:
        SettingsError: GATEMETER_CONFIG names a file that is not there.
    """
    named = os.environ.get(f"{PREFIX}CONFIG")
    if named:
        path = Path(named)
        if not path.is_file():
            raise SettingsError(f"{PREFIX}CONFIG: there is no file {path}")
        return path
    folder = home or os.environ.get(f"{PREFIX}HOME") or HookSettings.model_fields["home"].default
    path = Path(str(folder)) / "gatemeter.toml"
    return path if path.is_file() else None


def key_salt(settings: HookSettings) -> bytes:
    """The secret of the fingerprints; made and kept in the home folder when none is set.

    Raises:
        SettingsError: no salt is set and none can be kept.
    """
    if settings.key_salt is not None:
        return settings.key_salt.get_secret_value().encode()
    path = settings.home / "key-salt"
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        _write_once(path, secrets.token_hex(32).encode())
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{PREFIX}KEY_SALT is not set and {path} cannot be used ({error.strerror}): "
            f"set {PREFIX}KEY_SALT to 16 characters or more"
        ) from None


def _write_once(path: Path, content: bytes) -> None:
    """Create `path` with `content` unless it exists; never seen half written by another process."""
    if path.exists():
        return
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its salt is the one
    finally:
        draft.unlink()


def _explain(error: ValidationError, overrides: Mapping[str, object]) -> str:
    """One line that says of each wrong setting where it stands, and never a secret's value."""
    file = config_file(overrides.get("home"))
    set_elsewhere = {name.upper() for name in os.environ} | {
        f"{PREFIX}{name.upper()}" for name in overrides
    }

    def variable(name: str) -> str | None:
        known = f"{PREFIX}{name.upper()}"
        return known if file is None or known in set_elsewhere else None

    return explain(error, file, tomllib.loads(file.read_text()) if file else {}, variable)
