"""The command `gatemeter`: names every command and imports one only when it is used."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

GROUPS = {
    "Begin": {
        "demo": "The whole pipeline on this machine, with made-up traffic.",
        "gateway": "A pass-through gateway with metering and failover.",
        "consume": "Move events from the log into the store, exactly once.",
        "doctor": "Check settings, queue, store and tokenizer; say what to mend.",
    },
    "Look": {
        "dashboard": "Open the dashboard.",
        "report": "Spend, throttling and latency as tables or JSON.",
        "sql": "Query the store, read-only.",
    },
    "Money": {
        "rates": "The rate card: which price applies to what.",
        "deployments": "What deployments are and were: import Azure's list, check it.",
        "keys": "Name keys, move them between teams; make the gateway's own.",
        "budgets": "Where budgets and quotas stand, and where they will end.",
        "alerts": "Tell of budgets, quotas and unusual spend, once each.",
        "currencies": "Exchange rates: what other currencies are converted by.",
        "export": "Files for finance: FOCUS, chargeback, views.",
        "reconcile": "Line our charges up with Azure's bill.",
    },
    "Upkeep": {
        "maintain": "Compact files, fold rollups, apply retention.",
        "dead-letters": "Lines that were no events: list and replay them.",
        "forward": "Move events from the queue to Azure Event Hubs.",
        "ingest": "Back-fill from exported logs of other gateways.",
        "apim": "Azure API Management: a policy that sends usage events.",
        "schema": "Print the JSON Schema of the usage event.",
    },
    "Try": {
        "simulate": "A loopback Azure OpenAI for tests and trials.",
        "emulator": "An Azure Event Hubs on this machine, with faults on demand.",
    },
}
"""Every command, in the order in which people come to need them."""
COMMANDS = {name: told for group in GROUPS.values() for name, told in group.items()}
EXTRA_OF = {
    "demo": "demo",
    "dashboard": "dashboard",
    "forward": "eventhub",
    "gateway": "gateway",
    "simulate": "gateway",
}


class LazyGroup(click.Group):
    """A group whose commands live in `gatemeter.commands.<name>` as `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Every command, in the order of its help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command's module; a missing package becomes the line that installs it."""
        if cmd_name not in COMMANDS:
            return None
        try:
            module = importlib.import_module(f"gatemeter.commands.{cmd_name.replace('-', '_')}")
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] in {
                "gatemeter",
                "gateway_hooks",
                "analytics",
                "ingest",
            }:
                raise
            extra = EXTRA_OF.get(cmd_name, "ingest")
            raise click.ClickException(
                f"`gatemeter {cmd_name}` needs {error.name}: pip install 'gatemeter[{extra}]'"
            ) from None
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing any."""
        longest = max(map(len, COMMANDS))
        for title, group in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(longest), told) for name, told in group.items()])


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `gatemeter demo`. Settings: GATEMETER_* or $GATEMETER_HOME/gatemeter.toml.",
)
@click.version_option(package_name="gatemeter")
def cli() -> None:
    """Usage analytics for LLM gateways: spend, throttling and latency from your own requests."""


def main(arguments: list[str] | None = None) -> Any:  # noqa: ANN401 - click's own result
    """Run the command line; expected errors end as one line on stderr and exit code 1."""
    from gateway_hooks.errors import GatewayHooksError

    try:
        return cli.main(args=arguments, prog_name="gatemeter", standalone_mode=True)
    except GatewayHooksError as error:
        click.echo(f"gatemeter: {error}", err=True)
        sys.exit(1)
