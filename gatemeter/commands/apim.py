"""`gatemeter apim`: what Azure API Management needs to send usage events by itself."""

from __future__ import annotations

import click

from gatemeter.apim import policy as make_policy

EXAMPLE = """
\b
Examples:
  gatemeter apim policy --logger gatemeter-hub
  gatemeter apim policy --logger gatemeter-hub --salt-named-value gatemeter-key-salt
  gatemeter apim policy --logger gatemeter-hub --escaped > policy.xml
"""


@click.group(help="Azure API Management: print what makes it send usage events.")
def command() -> None:
    """Azure API Management."""


@command.command(
    "policy",
    epilog=EXAMPLE,
    help="""Print an API's policy with log-to-eventhub that sends our usage event.

    On success and on error: status, duration, backend, tokens, models, and the caller by the id of
    its subscription. Never prompts, completions or keys. The tokens of streamed answers cannot be
    read by a policy without holding the stream up, so those come without tokens; see docs/feeds.md.
    """,
)
@click.option("--logger", required=True, metavar="ID", help="Event Hubs logger of the service.")
@click.option("--gateway", metavar="NAME", help="Gateway's name in events.  [the service's name]")
@click.option(
    "--salt-named-value",
    "salt",
    metavar="NAME",
    help="Named value with GATEMETER_KEY_SALT: key ids are then those of the other feeds.",
)
@click.option("--escaped", is_flag=True, help="As XML for templates, not for the portal's editor.")
def policy_command(*, logger: str, gateway: str | None, salt: str | None, escaped: bool) -> None:
    """Print the policy."""
    try:
        text = make_policy(logger, gateway=gateway, salt=salt, escaped=escaped)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(text, nl=False)
