"""Azure's own list of deployments, as its command line prints it.

    az cognitiveservices account deployment list -g GROUP -n ACCOUNT > deployments.json
    az cognitiveservices account list > accounts.json          # optional: hosts and regions

A deployment's id names its account. Where the accounts are listed as well they tell the host that
gateways call, and the region; otherwise an account is called by the host that Azure gives it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from analytics.errors import DeploymentsError
from analytics.ratecard.azure_skus import type_of_sku
from analytics.ratecard.deployments import same_backend
from analytics.ratecard.regions import region_name
from analytics.types import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_ACCOUNT: Final = re.compile(r"/accounts/([^/]+)(?:/deployments/[^/]+)?/?$", re.IGNORECASE)
_HOST: Final = "{account}.openai.azure.com"
_MINUTE_SECONDS: Final = 60

Name = Annotated[str, Field(min_length=1, max_length=256)]


@dataclass(frozen=True, slots=True)
class Listing:
    """What files list: deployments as they are now, each with when it was made."""

    deployments: tuple[tuple[Deployment, datetime | None], ...]
    complete: frozenset[str]
    """Backends of which every deployment is listed, so that those missing are gone."""


class _Lenient(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Model(_Lenient):
    name: Name
    version: str | None = None


class _Sku(_Lenient):
    name: Name
    capacity: Annotated[int | None, Field(ge=0)] = None


class _Limit(_Lenient):
    key: str
    count: Annotated[float, Field(ge=0)]
    seconds: Annotated[float, Field(gt=0, alias="renewalPeriod")]


class _Properties(_Lenient):
    model: _Model
    limits: Annotated[list[_Limit] | None, Field(alias="rateLimits")] = None


class _SystemData(_Lenient):
    created_at: Annotated[datetime | None, Field(alias="createdAt")] = None


class _Deployment(_Lenient):
    name: Name
    id: str = ""
    properties: _Properties
    sku: _Sku | None = None
    system_data: Annotated[_SystemData | None, Field(alias="systemData")] = None

    def per_minute(self, what: str) -> int | None:
        """A limit of requests or tokens; Azure counts some in other periods than a minute."""
        found = [limit for limit in self.properties.limits or () if limit.key == what]
        return int(found[0].count * _MINUTE_SECONDS / found[0].seconds) if found else None


@dataclass(slots=True)
class _Read:
    """What was found in the files so far."""

    deployments: list[tuple[str | None, _Deployment]] = field(default_factory=list)
    hosts: dict[str, str] = field(default_factory=dict)
    regions: dict[str, str] = field(default_factory=dict)
    listed: set[str | None] = field(default_factory=set)


def read_listing(
    paths: Iterable[Path], *, backend: str | None = None, names: Mapping[str, str] | None = None
) -> Listing:
    """What files and folders of them list.

    Args:
        paths: JSON files, or folders that are searched for them.
        backend: host of the one account that all of it is about, when its ids do not tell.
        names: by host, what events call a backend that was given a name.

    Raises:
        DeploymentsError: a file holds something else, or it stays open which account it is about.
    """
    read = _Read()
    for path in _files(paths):
        _read_file(path, read)
    accounts = {account for account, _ in read.deployments} | read.listed
    if backend is None and None in accounts:
        raise DeploymentsError(
            "a list does not tell which account it is of: give its host with --backend"
        )
    if backend is not None and len(accounts - {None}) > 1:
        known = ", ".join(sorted(name for name in accounts if name))
        raise DeploymentsError(f"--backend names one account, but the files are of {known}")
    places = {one: _backend(one, backend, read.hosts, names or {}) for one in accounts}
    found: dict[tuple[str, str], tuple[Deployment, datetime | None]] = {}
    for account, item in read.deployments:
        made = _entry(item, places[account], read.regions.get(account or ""))
        key = (made[0].name, places[account])
        if found.setdefault(key, made) != made:
            raise DeploymentsError(f"{key[0]} of {key[1]} is listed twice, and differently")
    return Listing(tuple(found.values()), frozenset(places[account] for account in read.listed))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inside = sorted(path.rglob("*.json"))
            if not inside:
                raise DeploymentsError(f"there is no .json file in {path}")
            yield from inside
        else:
            yield path


def _read_file(path: Path, read: _Read) -> None:
    try:
        content = json.loads(path.read_bytes())  # UTF-8 or what a PowerShell wrote
    except OSError as error:
        raise DeploymentsError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise DeploymentsError(f"{path} is no JSON: write it with `az ... -o json`") from None
    if isinstance(content, dict) and isinstance(content.get("value"), list):
        content = content["value"]  # as Azure's REST interface answers
    several = isinstance(content, list)
    accounts: set[str | None] = set()
    for number, item in enumerate(content if several else [content], start=1):
        if not isinstance(item, dict):
            raise DeploymentsError(f"{path}: entry {number} is no object")
        if _is_account(item):
            _take_account(item, read)
        else:
            accounts.add(_take_deployment(item, f"{path}: entry {number}", read))
    if several and (accounts or not content):
        read.listed |= accounts or {None}


def _is_account(item: Mapping[str, Any]) -> bool:
    return str(item.get("type", "")).lower() == "microsoft.cognitiveservices/accounts"


def _take_account(item: Mapping[str, Any], read: _Read) -> None:
    account = str(item.get("name", "")).lower()
    properties = item.get("properties")
    endpoint = properties.get("endpoint") if isinstance(properties, dict) else None
    host = urlsplit(str(endpoint or "")).hostname
    if host:
        read.hosts[account] = host
    region = region_name(str(item.get("location") or ""))
    if region:
        read.regions[account] = region


def _take_deployment(item: Mapping[str, Any], place: str, read: _Read) -> str | None:
    try:
        deployment = _Deployment.model_validate(item)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DeploymentsError(f"{place} is no deployment: {where}: {first['msg']}") from None
    match = _ACCOUNT.search(deployment.id)
    account = match[1].lower() if match else None
    read.deployments.append((account, deployment))
    return account


def _backend(
    account: str | None, given: str | None, hosts: Mapping[str, str], names: Mapping[str, str]
) -> str:
    """What events call an account."""
    host = given or hosts.get(account or "") or _HOST.format(account=account)
    for known, name in names.items():
        if same_backend(known, host) or (not given and account and same_backend(known, account)):
            return name
    return host.lower() if host not in names.values() else host


def _entry(
    item: _Deployment, backend: str, region: str | None
) -> tuple[Deployment, datetime | None]:
    created = item.system_data.created_at if item.system_data else None
    if created is not None:
        created = created.astimezone(UTC) if created.tzinfo else created.replace(tzinfo=UTC)
    entry = Deployment(
        name=item.name,
        model=item.properties.model.name,
        version=item.properties.model.version or None,
        deployment_type=type_of_sku(item.sku.name) if item.sku else None,
        region=region,
        backend=backend,
        sku=item.sku.name if item.sku else None,
        capacity=item.sku.capacity if item.sku else None,
        tokens_per_minute=item.per_minute("token"),
        requests_per_minute=item.per_minute("request"),
        source="az",
    )
    return entry, created
