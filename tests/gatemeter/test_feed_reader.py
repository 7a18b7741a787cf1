"""Feeds are read by the settings that the hooks are configured with."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gatemeter.feed_reader import feed_reader
from gatemeter.settings import Settings
from gateway_hooks.fingerprint import Fingerprinter
from tests.ingest.feeds.made_logs import body, envelope, hub_event, llm_record

if TYPE_CHECKING:
    from pathlib import Path

SALT = "a salt of sixteen characters"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


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
