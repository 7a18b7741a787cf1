"""`gatemeter schema`: the JSON Schema of the usage event."""

from __future__ import annotations

import json

import click

from gateway_hooks.event import json_schema

EXAMPLE = """
\b
Example:
  gatemeter schema > event.schema.json
"""


@click.command(
    epilog=EXAMPLE,
    help="Print the JSON Schema (draft 2020-12) of an event, one line of the log.",
)
def command() -> None:
    """Print the schema, the same that docs/event.schema.json holds."""
    click.echo(json.dumps(json_schema(), indent=2))
