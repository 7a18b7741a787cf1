"""Where alerts can go. TOML: `[[channels]]`, told apart by `type`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from gateway_hooks.event import Name

Seconds = Annotated[float, Field(gt=0, le=60)]


class _ChannelSettings(BaseModel):
    # Errors must not quote what was set: it may be a secret in the wrong place.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[Name, Field(description="What budgets and quotas call it")]
    timeout_seconds: Seconds = 10.0


class WebhookSettings(_ChannelSettings):
    """A POST of JSON over HTTP. Whoever has such an address can post, so it is a secret."""

    type: Literal["webhook"]
    url: SecretStr
    format: Literal["json", "slack", "teams"] = "json"
    headers: Annotated[
        dict[str, SecretStr], Field(description="Such as Authorization; values are secrets")
    ] = {}

    @field_validator("url")
    @classmethod
    def _http(cls, value: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(value.get_secret_value())
            usable = parts.scheme in {"http", "https"} and parts.hostname is not None
        except ValueError:
            usable = False
        if not usable:
            raise ValueError("is no address that begins with https:// or http://")
        return value


class SmtpSettings(_ChannelSettings):
    """A mail, handed to an SMTP server."""

    type: Literal["smtp"]
    host: str
    port: Annotated[int | None, Field(ge=1, le=65535, description="Default: by security")] = None
    security: Annotated[
        Literal["starttls", "tls", "none"],
        Field(description="starttls (port 587), tls from the first byte (465), or none (25)"),
    ] = "starttls"
    ca_file: Annotated[
        Path | None, Field(description="Certificates to trust instead of the system's")
    ] = None
    username: str | None = None
    password: SecretStr | None = None
    sender: str
    to: Annotated[tuple[str, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _password_is_protected(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        if self.password is not None and self.security == "none":
            raise ValueError("a password is sent only over starttls or tls")
        return self

    @property
    def used_port(self) -> int:
        """The port that was set, else the usual one."""
        return self.port or {"starttls": 587, "tls": 465, "none": 25}[self.security]


class CommandSettings(_ChannelSettings):
    """A program of yours; it reads the alert as JSON from its standard input."""

    type: Literal["command"]
    command: Annotated[
        tuple[str, ...], Field(min_length=1, description="Program and arguments; no shell")
    ]


ChannelSettings = Annotated[
    WebhookSettings | SmtpSettings | CommandSettings, Field(discriminator="type")
]
