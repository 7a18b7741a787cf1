"""The backends of the gateway: where they are, what key they want, what is known of them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast, get_args
from urllib.parse import urlsplit

from gateway_hooks.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway_hooks.event import DeploymentType

_OPTIONS: Final = frozenset({"key", "identity", "name", "region", "type"})
_IDENTITY = re.compile(r"default|managed(:[0-9A-Za-z-]+)?")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Backend:
    """One Azure OpenAI resource, or anything that speaks like one."""

    name: str
    """What it is called in events: a given name, else its host."""
    scheme: str
    host: str
    port: int
    base_path: str = ""
    """Put before the path of each request; without a slash at its end."""
    key: str | None = field(default=None, repr=False)
    """Replaces the caller's key; None passes the caller's own on, unless there is an identity."""
    identity: str | None = None
    """Entra ID instead of a key: `default`, `managed` or `managed:CLIENT_ID`."""
    region: str | None = None
    deployment_type: DeploymentType | None = None
    authority: str = field(init=False, repr=False, compare=False)
    """Host and port as a Host header has them."""
    root: str = field(init=False, repr=False, compare=False)
    """What is put before the path of a request, and what links in its answers begin with."""

    def __post_init__(self) -> None:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        object.__setattr__(self, "authority", host + port)
        object.__setattr__(self, "root", f"{self.scheme}://{host}{port}{self.base_path}")

    @property
    def origin(self) -> str:
        """Scheme and authority."""
        return f"{self.scheme}://{self.authority}"

    @property
    def has_credential(self) -> bool:
        """Whether the gateway proves itself to it, in place of the caller."""
        return self.key is not None or self.identity is not None

    @classmethod
    def parse(cls, text: str, environment: Mapping[str, str] | None = None) -> Backend:
        """Read `URL[,key=VARIABLE][,identity=..][,name=..][,region=..][,type=..]`.

        A key is named by its environment variable, so that it is in no command line or log.

        Raises:
            SettingsError: the text is no backend; the message says which part and what to do.
        """
        url, options = split_options(text)
        return cls.of(url, options, os.environ if environment is None else environment)

    @classmethod
    def of(cls, url: str, options: Mapping[str, str], environment: Mapping[str, str]) -> Backend:
        """A backend of an address and of the options that `parse` knows.

        Raises:
            SettingsError: one of them is not usable.
        """
        scheme, host, port, path = _place(url)
        return cls(
            name=options.get("name") or (host if port is None else f"{host}:{port}"),
            scheme=scheme,
            host=host,
            port=port or _DEFAULT_PORTS[scheme],
            base_path=path.rstrip("/"),
            key=_key(url, options.get("key"), environment),
            identity=_identity(url, options),
            region=options.get("region"),
            deployment_type=_type(url, options.get("type")),
        )


def split_options(text: str) -> tuple[str, dict[str, str]]:
    """Address and options of a backend as a command line has it.

    Raises:
        SettingsError: a part is no option of a backend.
    """
    url, *parts = text.split(",")
    options = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if name not in _OPTIONS or not equals or not value:
            raise SettingsError(
                f"backend {url}: {name!r} is no option; "
                "write key=VARIABLE, identity=, name=, region= or type="
            )
        options[name] = value
    return url, options


def unique(backends: Sequence[Backend]) -> tuple[Backend, ...]:
    """The backends, checked: at least one, and each with its own name.

    Raises:
        SettingsError: there is none, or two share a name.
    """
    if not backends:
        raise SettingsError("the gateway has no backend: give at least one with --backend URL")
    names = [backend.name for backend in backends]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"two backends are called {name}: tell them apart with name=")
    return tuple(backends)


def _place(url: str) -> tuple[str, str, int | None, str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError(f"backend: its address cannot be read: {error}") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        shown = repr(url) if "@" not in url else "with a user"
        raise SettingsError(f"backend {shown} is no address such as https://NAME.openai.azure.com")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SettingsError(
            f"backend {parts.hostname}: the address may hold a path, but no user, query or fragment"
        )
    return parts.scheme, parts.hostname, port, parts.path


def _key(url: str, variable: str | None, environment: Mapping[str, str]) -> str | None:
    if variable is None:
        return None
    key = environment.get(variable) if _VARIABLE.fullmatch(variable) else None
    if not key:
        # Not repeating what was given: it may be a key by mistake.
        raise SettingsError(
            f"backend {url}: key= names no environment variable that is set; "
            "put the key into a variable and give the variable's name"
        )
    return key


def _identity(url: str, options: Mapping[str, str]) -> str | None:
    given = options.get("identity")
    if given is None:
        return None
    if "key" in options:
        raise SettingsError(f"backend {url}: give a key or an identity, not both")
    if not _IDENTITY.fullmatch(given):
        raise SettingsError(f"backend {url}: identity is default, managed or managed:CLIENT_ID")
    return given


def _type(url: str, given: str | None) -> DeploymentType | None:
    from gateway_hooks.event import DeploymentType as Types

    if given is not None and given not in get_args(Types):
        raise SettingsError(f"backend {url}: type is one of {', '.join(get_args(Types))}")
    return cast("DeploymentType | None", given)
