"""`gatemeter doctor`: is everything in place, and if not, what to do."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from gatemeter.checks import Finding, examine
from gatemeter.settings import Settings
from gateway_hooks.errors import SettingsError

EXAMPLE = """
\b
Examples:
  gatemeter doctor
  gatemeter doctor --json
"""
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command(
    epilog=EXAMPLE,
    help="""Check settings, tokenizer, queue, store and consumer.

    Each line says ok, warn or fail, and what to do. Changes nothing. Exit code 1 when a check
    failed.
    """,
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, as_json: bool) -> None:
    """Print what was found."""
    findings = _findings()
    failed = any(finding.status == "fail" for finding in findings)
    if as_json:
        found = [asdict(finding) for finding in findings]
        click.echo(json.dumps({"ok": not failed, "findings": found}))
    else:
        for finding in findings:
            click.echo(_line(finding))
    sys.exit(1 if failed else 0)


def _findings() -> list[Finding]:
    try:
        settings = Settings.load()
    except SettingsError as error:
        return [Finding("settings", "fail", str(error), "correct it; see docs/settings.md")]
    return list(examine(settings))


def _line(finding: Finding) -> str:
    status = click.style(f"{finding.status:<4}", fg=_COLOURS[finding.status])
    remedy = f" -> {finding.remedy}" if finding.remedy else ""
    return f"{status}  {finding.name:<12}  {finding.detail}{remedy}"
