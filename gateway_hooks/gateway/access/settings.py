"""What an operator can set about who may call the gateway, and what."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gateway_hooks.event import Name

_FROZEN = ConfigDict(frozen=True, extra="forbid")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ENTRA: Final = "https://login.microsoftonline.com"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

NameText = Annotated[Name, Field(min_length=1)]


class AccessSettings(BaseModel):
    """Who may call the gateway. TOML: `[access]`."""

    model_config = _FROZEN

    anonymous: Annotated[
        bool,
        Field(description="Let everybody pass, and pass the caller's own key on to the backends"),
    ] = False
    key_store: Annotated[
        Path | None,
        Field(description="File of the gateway's keys; default GATEMETER_HOME/gateway-keys.sqlite"),
    ] = None
    failures: Annotated[
        int,
        Field(ge=1, description="Wrong keys from one address after which it is told to wait (429)"),
    ] = 30
    failure_seconds: Annotated[
        int, Field(ge=1, le=86_400, description="The time in which they count, and the wait")
    ] = 60
    unknown_items: Annotated[
        Literal["deny", "allow"],
        Field(
            description="Stored responses and image operations of which the gateway does not know "
            "who made them: answer 404, or ask the backends"
        ),
    ] = "deny"


class Product(BaseModel):
    """What a key or an Entra application was let in for. TOML: `[[products]]`."""

    model_config = _FROZEN

    name: Annotated[NameText, Field(description="What keys and reports call it")]
    deployments: Annotated[
        tuple[NameText, ...],
        Field(
            min_length=1,
            description="Deployments or models it may call, with * and ? as in file names; "
            "letters of either case are the same",
        ),
    ] = ("*",)
    other_operations: Annotated[
        bool | None,
        Field(
            description="Whether it may call what names no deployment: files, batches, lists of "
            "models. Default: only when every deployment is allowed. Keys for realtime sessions "
            "past the gateway (client_secrets, sessions, calls) only when this is true"
        ),
    ] = None

    @property
    def is_unrestricted(self) -> bool:
        """Whether it may call every deployment."""
        return "*" in self.deployments

    @property
    def allows_other_operations(self) -> bool:
        """The setting, or what follows from the deployments."""
        return self.is_unrestricted if self.other_operations is None else self.other_operations


class EntraRule(BaseModel):
    """Access tokens that let their bearers in. TOML: `[[entra]]`; the first that fits counts."""

    model_config = _FROZEN

    tenant: Annotated[
        str | None, Field(description="Directory (tenant) id; stands for its v1 and v2 issuers")
    ] = None
    issuer: Annotated[
        str | None, Field(description="Instead of tenant: the issuer exactly as tokens name it")
    ] = None
    discovery_url: Annotated[
        str | None,
        Field(description="Where the issuer's OpenID configuration is; default: below the issuer"),
    ] = None
    audiences: Annotated[
        tuple[NameText, ...],
        Field(min_length=1, description="Accepted `aud`: application id, or its api:// address"),
    ]
    roles: Annotated[
        tuple[NameText, ...], Field(description="App roles of which a token needs every one")
    ] = ()
    scopes: Annotated[
        tuple[NameText, ...], Field(description="Scopes (`scp`) of which it needs every one")
    ] = ()
    product: Annotated[NameText, Field(description="The product that it lets in by")]
    team: Annotated[Name | None, Field(description="Team of the spend")] = None
    team_claim: Annotated[
        Name | None, Field(description="Claim that names the team; `team` when it is not there")
    ] = None

    @field_validator("tenant")
    @classmethod
    def _is_guid(cls, tenant: str | None) -> str | None:
        if tenant is not None and not _GUID.fullmatch(tenant.lower()):
            raise ValueError(
                "is no directory id such as 11111111-2222-3333-4444-555555555555; "
                "`az account show --query tenantId` prints yours"
            )
        return tenant if tenant is None else tenant.lower()

    @field_validator("issuer", "discovery_url")
    @classmethod
    def _is_https(cls, url: str | None) -> str | None:
        if url is not None and not is_safe_url(url):
            raise ValueError("must begin with https:// and name a host")
        return url

    @model_validator(mode="after")
    def _has_one_issuer(self) -> Self:
        if (self.tenant is None) == (self.issuer is None):
            raise ValueError("give either tenant or issuer")
        if not self.roles and not self.scopes:
            # Any application of a directory can have a token for any audience of it.
            raise ValueError("give roles or scopes: without them the whole directory may come in")
        return self

    @property
    def issuers(self) -> tuple[str, ...]:
        """Accepted `iss`."""
        if self.issuer is not None:
            return (self.issuer,)
        return (f"{_ENTRA}/{self.tenant}/v2.0", f"https://sts.windows.net/{self.tenant}/")

    @property
    def configuration_url(self) -> str:
        """Where its OpenID configuration is."""
        if self.discovery_url is not None:
            return self.discovery_url
        return self.issuers[0].rstrip("/") + "/.well-known/openid-configuration"


def is_safe_url(url: str) -> bool:
    """Whether keys may be fetched from there: by https, or from this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme == "http":
        return parts.hostname in _LOOPBACK
    return parts.scheme == "https" and bool(parts.hostname)
