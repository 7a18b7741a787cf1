"""`gatemeter demo`: the whole pipeline on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gatemeter.number import Number

EXAMPLE = """
\b
Examples:
  gatemeter demo
  gatemeter demo --seconds 20 --no-dashboard --json
  gatemeter demo --keep /tmp/demo    (then: GATEMETER_HOME=/tmp/demo gatemeter report spend)
"""


@click.command(
    epilog=EXAMPLE,
    help="""Run everything on this machine: simulated backends, gateway, consumer, dashboard.

    Invented callers make real requests with the openai SDK, over every operation, with throttling,
    failures and refused prompts among them. At the end (Ctrl-C, or after --seconds) what the
    callers saw is compared with what the store holds; the exit code is 0 only if the two agree on
    every request and every token.""",
)
@click.option("--seconds", type=Number(0, min_open=True), help="End by itself after so long.")
@click.option(
    "--rate",
    default=12.0,
    show_default=True,
    type=Number(0, 200, min_open=True),
    help="Requests begun a second, about.",
)
@click.option("--seed", default=1, show_default=True, help="Of traffic, answers and failures.")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Use this new folder and keep it. Default: a temporary one.",
)
@click.option("--dashboard/--no-dashboard", default=True, help="Serve the dashboard too.")
@click.option("--open", "open_browser", is_flag=True, help="Open the dashboard in the browser.")
@click.option(
    "--dashboard-port",
    type=click.IntRange(0, 65535),
    help="Default: 8501, or any free port if that is taken.",
)
@click.option(
    "--gateway-port", default=0, type=click.IntRange(0, 65535), help="Default: any free port."
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as one JSON object.")
def command(
    *,
    seconds: float | None,
    rate: float,
    seed: int,
    keep: Path | None,
    dashboard: bool,
    open_browser: bool,
    dashboard_port: int | None,
    gateway_port: int,
    as_json: bool,
) -> None:
    """Play the demo."""
    from rich.console import Console

    from analytics import AnalyticsError
    from gatemeter.demo.errors import DemoError
    from gatemeter.demo.run import Options, run_demo
    from gatemeter.demo.screen import Screen, closing_line, table_of

    options = Options(
        seconds=seconds,
        rate=rate,
        seed=seed,
        keep=None if keep is None else keep.resolve(),
        with_dashboard=dashboard,
        open_browser=open_browser,
        gateway_port=gateway_port,
        dashboard_port=dashboard_port,
    )
    try:
        with Screen() as screen:
            result = run_demo(options, screen)
    except (DemoError, AnalyticsError) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException("interrupted before the books could be compared") from None
    if as_json:
        click.echo(json.dumps(result))
    else:
        Console(highlight=False).print(table_of(result))
        click.echo(closing_line(result))
    if not result["agree"]:
        if as_json:
            click.echo(closing_line(result), err=True)
        raise SystemExit(1)
