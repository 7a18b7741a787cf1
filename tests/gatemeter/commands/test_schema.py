"""The command `gatemeter schema`."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from gatemeter.cli import cli

PUBLISHED = Path(__file__).parents[3] / "docs" / "event.schema.json"


def test_the_printed_schema_is_the_published_one() -> None:
    """What the command prints, what docs/ holds and what the code checks are one schema."""
    result = CliRunner().invoke(cli, ["schema"])
    assert result.exit_code == 0
    schema = json.loads(result.output)
    assert schema == json.loads(PUBLISHED.read_text())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["additionalProperties"] is False
