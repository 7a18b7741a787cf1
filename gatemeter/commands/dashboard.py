"""`gatemeter dashboard`: checks that there is something to show, then becomes the server."""

from __future__ import annotations

import os
import sys

import click

from analytics.errors import AnalyticsError
from analytics.store import Store
from dashboard.server import CannotListen, Server, free_port
from gatemeter.currency_option import CurrencyCode
from gatemeter.settings import Settings


@click.command(
    epilog="Example: gatemeter dashboard --port 8600 --store /var/lib/gatemeter/store --open"
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes any free one. Default: GATEMETER_DASHBOARD_PORT or 8501.",
)
@click.option("--store", help="Store to show. Default: GATEMETER_STORE or the home folder's.")
@click.option("--currency", type=CurrencyCode(), help="Of the money. Default: your setting.")
@click.option("--open", "open_browser", is_flag=True, help="Open it in this machine's browser.")
def command(
    *,
    host: str,
    port: int | None,
    store: str | None,
    currency: str | None,
    open_browser: bool,
) -> None:
    """Serve the dashboard: spend, throttling, and a page for your own SQL.

    It only reads the store, and anybody who reaches its address can read it: keep it on
    127.0.0.1, or put a proxy that knows its users in front of it.
    """
    settings = Settings.load()
    store_url = store or settings.store_url
    try:
        # Opened once here, so that a wrong address ends in one line and not on a web page.
        Store.open(store_url, read_only=True).close()
        free = free_port(host, settings.dashboard_port if port is None else port)
    except (AnalyticsError, CannotListen) as error:
        raise click.ClickException(str(error)) from None
    server = Server(
        host,
        free,
        store_url,
        settings.timezone,
        open_browser,
        currency or settings.currency,
        settings.exchange_rates_file,
    )
    click.echo(f"dashboard: {server.address}   (Ctrl+C stops it)")
    sys.stdout.flush()
    # Streamlit takes this process over: one process to supervise, and signals arrive.
    os.execve(sys.executable, server.command(), os.environ | server.environment())  # noqa: S606 - our own command line
