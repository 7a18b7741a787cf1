"""What Azure's command line prints is read, and nothing else is taken for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from analytics.deployments import Listing, read_listing
from analytics.errors import DeploymentsError
from analytics.types import Deployment
from tests.analytics.deployments.azure import account, deployment

SWEDEN = "contoso-sweden.openai.azure.com"


def read(tmp_path: Path, *contents: Any, **options: Any) -> Listing:
    """The listing of files of these contents."""
    folder = tmp_path / "az"
    folder.mkdir()
    for number, content in enumerate(contents):
        (folder / f"{number}.json").write_text(json.dumps(content))
    return read_listing([folder], **options)


def test_a_deployment_is_read_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    """Model, how it is sold, how much of it, and its limits by the minute."""
    listing = read(tmp_path, [deployment()])
    ((entry, created),) = listing.deployments
    assert entry == Deployment(
        "chat", "gpt-4o", "2024-11-20", "global", None, SWEDEN, "GlobalStandard", 120,
        120_000, 720, source="az",
    )  # fmt: skip
    assert created == datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)
    assert listing.complete == {SWEDEN}


@pytest.mark.parametrize(
    ("sku", "kind"),
    [
        ("GlobalStandard", "global"),
        ("DataZoneStandard", "data_zone"),
        ("Standard", "regional"),
        ("GlobalBatch", "batch"),
        ("DataZoneBatch", "data_zone_batch"),
        ("ProvisionedManaged", "ptu"),
        ("GlobalProvisionedManaged", "ptu"),
        ("DataZoneProvisionedManaged", "ptu"),
        ("DeveloperTier", "global"),
        ("globalstandard", "global"),
        ("SomethingOfNextYear", None),
    ],
)
def test_how_it_is_sold_tells_the_type(tmp_path: Path, sku: str, kind: str | None) -> None:
    """In Azure's words; of a new one nothing is guessed."""
    ((entry, _),) = read(tmp_path, [deployment(sku=sku)]).deployments
    assert entry.deployment_type == kind


def test_the_accounts_tell_host_and_region(tmp_path: Path) -> None:
    """A host need not be the account's name; the accounts' own list knows."""
    listing = read(
        tmp_path,
        [account(host="Models.contoso.example")],
        {"value": [deployment(), deployment("embed", model="text-embedding-3-small")]},
    )
    places = {(one.backend, one.region) for one, _ in listing.deployments}
    assert places == {("models.contoso.example", "swedencentral")}
    assert listing.complete == {"models.contoso.example"}


def test_a_backend_with_a_name_is_called_by_it(tmp_path: Path) -> None:
    """Events carry the name that the settings give to the host."""
    names = {"CONTOSO-Sweden.cognitiveservices.azure.com": "sweden", "other.example": "other"}
    ((entry, _),) = read(tmp_path, [deployment()], names=names).deployments
    assert entry.backend == "sweden"


def test_a_host_may_be_said_when_ids_do_not(tmp_path: Path) -> None:
    """A list that was cut to a few columns is still of use."""
    listing = read(tmp_path, [deployment(account=None)], backend="Models.Contoso.example")
    assert listing.complete == {"models.contoso.example"}
    names = {"contoso-sweden.openai.azure.com": "sweden"}
    given = read_listing([tmp_path / "az"], backend="sweden", names=names)
    assert given.complete == {"sweden"}


def test_one_deployment_alone_is_no_list_of_all(tmp_path: Path) -> None:
    """`deployment show` says nothing of the others."""
    listing = read(tmp_path, deployment())
    assert len(listing.deployments) == 1
    assert listing.complete == frozenset()


def test_an_empty_list_of_a_known_backend_is_complete(tmp_path: Path) -> None:
    """An account whose last deployment is gone."""
    listing = read(tmp_path, [], backend="sweden")
    assert listing == Listing((), frozenset({"sweden"}))


def test_what_a_powershell_wrote_is_read(tmp_path: Path) -> None:
    """`az ... > file` makes UTF-16 there."""
    path = tmp_path / "list.json"
    path.write_text(json.dumps([deployment()]), encoding="utf-16")
    assert len(read_listing([path]).deployments) == 1


@pytest.mark.parametrize(
    ("contents", "options", "message"),
    [
        ([[deployment(account=None)]], {}, "--backend"),
        ([[]], {}, "--backend"),
        ([[deployment()], [deployment(account="contoso-france")]], {"backend": "x"}, "one account"),
        ([[deployment()], [deployment(capacity=1)]], {}, "listed twice"),
        ([[{"name": "chat", "properties": {}}]], {}, r"0\.json: entry 1 .*model"),
        ([[1]], {}, "entry 1 is no object"),
        (["text"], {}, "entry 1 is no object"),
    ],
)
def test_what_is_no_list_is_refused_by_name(
    tmp_path: Path, contents: list[Any], options: dict[str, Any], message: str
) -> None:
    """One line that says which file, which entry, and what to do."""
    with pytest.raises(DeploymentsError, match=message):
        read(tmp_path, *contents, **options)


def test_no_json_is_refused_without_quoting_it(tmp_path: Path) -> None:
    """A table printed for people is not JSON."""
    path = tmp_path / "list.json"
    path.write_text("Name  ResourceGroup\n")
    with pytest.raises(DeploymentsError, match=r"az .* -o json") as caught:
        read_listing([path])
    assert "ResourceGroup" not in str(caught.value)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DeploymentsError, match=r"no \.json file"):
        read_listing([tmp_path / "empty"])
