"""`gatemeter ingest` loads exports, says what became of them, and can be repeated."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from analytics.store import Store
from gatemeter.feeds import feed_reader
from gatemeter.settings import Settings
from gateway_hooks.fingerprint import Fingerprinter
from tests.ingest.feeds.made_logs import (
    body,
    envelope,
    gateway_record,
    hub_event,
    litellm,
    llm_record,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gatemeter.commands.conftest import Run

SALT = "a salt of sixteen characters"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def exports(folder: Path) -> Path:
    """A folder as exports leave it: nested, packed, and with something broken."""
    gateway, llm = folder / "gatewaylogs" / "h=09", folder / "gatewayllmlogs" / "h=09"
    for one in (gateway, llm, folder / "hub"):
        one.mkdir(parents=True)
    numbers = range(1, 6)
    (gateway / "PT1H.json").write_bytes(b"\n".join(body(gateway_record(one)) for one in numbers))
    (llm / "PT1H.json").write_bytes(b"\n".join(body(llm_record(one)) for one in numbers if one > 1))
    (folder / "hub" / "usage.json.gz").write_bytes(gzip.compress(body([hub_event(1), {"a": 1}])))
    (folder / "litellm.json").write_bytes(body(litellm(1), indent=4))
    return folder


def test_a_folder_of_exports_is_loaded(run: Run, tmp_path: Path) -> None:
    """Files of several feeds, and both halves of API Management's requests in different files."""
    folder = exports(tmp_path / "exports")
    done = run("ingest", str(folder), "--json")
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    assert (summary["files"], summary["events_stored"], summary["joined"]) == (4, 7, 5)
    assert (summary["dead_letters"], summary["waiting"]) == (1, {})
    assert summary["reasons"] == {"no feed has this shape; its keys: a": 1}
    again = json.loads(run("ingest", str(folder), "--json").stdout)
    assert (again["events_stored"], again["duplicates"]) == (0, 2)
    assert (again["dead_letters"], again["dead_letters_known"]) == (0, 1)
    with Store.open(str(tmp_path / "store"), read_only=True) as store:
        rows = store.frame(
            "SELECT feed, count(*) FROM usage_events WHERE feed IS NOT NULL GROUP BY 1 ORDER BY 1"
        ).rows()
    assert rows == [("ai_hub_gateway", 1), ("apim_diagnostics", 5), ("litellm_payload", 1)]


def test_people_get_a_sentence_with_the_reasons(run: Run, tmp_path: Path) -> None:
    """What was refused is not hidden in a count."""
    path = tmp_path / "mixed.json"
    path.write_bytes(body([hub_event(1), litellm(1)]))
    done = run("ingest", str(path), "--format", "litellm_payload")
    assert done.exit_code == 0, done.output
    assert (
        "1 events stored, 0 duplicates, 0 wait for their other half, 1 dead letters" in done.stdout
    )
    assert "dead: 1 x no feed has this shape" in done.stdout


def test_a_file_that_is_not_there_is_an_error(run: Run) -> None:
    """The exit code says so, too."""
    done = run("ingest", "/no/such/file")
    assert done.exit_code != 0
    assert "does not exist" in done.stderr


def test_help_shows_examples(run: Run) -> None:
    """Whoever asks sees what to type."""
    assert "gatemeter ingest exports/" in run("ingest", "--help").stdout


def test_salt_names_and_backends_are_those_of_the_settings(tmp_path: Path) -> None:
    """A subscription is the same caller in every feed, and is called what the operator says."""
    key_id = Fingerprinter(SALT.encode()).key_id("sub-retail")
    (tmp_path / "gatemeter.toml").write_text(
        f'[keys.{key_id}]\nname = "shop"\n'
        '[backends."openai-backend-0"]\nname = "east"\ndeployment_type = "ptu"\n'
    )
    settings = Settings.load(home=tmp_path, key_salt=SALT, llm_logs_alone=True)
    reader = feed_reader(settings)
    event = json.loads(reader.translate(body(hub_event(1)), received_at=NOON).lines)
    assert (event["key_id"], event["key_name"]) == (key_id, "shop")
    assert event["attempts"][0]["backend"] == "east"
    assert event["attempts"][0]["deployment_type"] == "ptu"
    (part,) = reader.translate(body(envelope(llm_record(1))), received_at=NOON).parts
    assert part.ready
