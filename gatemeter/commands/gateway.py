"""`gatemeter gateway`: run the pass-through gateway."""

from __future__ import annotations

import click

from gateway_hooks.gateway.backends import Backend

EXAMPLE = """
\b
Example:
  export EAST_KEY=... WEST_KEY=...
  gatemeter gateway --port 8080 \\
    --backend https://east.openai.azure.com,key=EAST_KEY,type=ptu,region=eastus \\
    --backend https://west.openai.azure.com,key=WEST_KEY,region=westeurope
"""


@click.command(
    epilog=EXAMPLE,
    help="""Pass requests through to Azure OpenAI, metered, with failover between backends.

    Backends are tried in the order given. One that refuses (429), fails (5xx) or cannot be reached
    is followed by the next before the caller has seen a byte; one that said Retry-After is left
    alone for that long. Events go to the queue of GATEMETER_HOME.

    The gateway does not check its callers: with key= it spends its own key on whoever can reach
    it, so keep it on a private address or behind something that authenticates.""",
)
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--backend",
    "backends",
    multiple=True,
    required=True,
    envvar="GATEMETER_GATEWAY_BACKENDS",
    metavar="URL[,key=VARIABLE][,name=..][,region=..][,type=..]",
    help="A backend; repeat it in order of priority. key= names the environment variable that "
    "holds its key; without it the caller's own key is passed on. type: global, data_zone, "
    "regional, batch, ptu.",
)
@click.option(
    "--connect-timeout",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Seconds to reach a backend.",
)
@click.option(
    "--read-timeout",
    default=600.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Longest silence of a backend, in seconds.",
)
def command(
    *,
    port: int,
    host: str,
    backends: tuple[str, ...],
    connect_timeout: float,
    read_timeout: float,
) -> None:
    """Serve until told to stop."""
    from gateway_hooks.gateway.app import build_gateway
    from gateway_hooks.gateway.server import listen, serve
    from gateway_hooks.gateway.upstream import Timeouts

    app = build_gateway(
        [Backend.parse(text) for text in backends],
        timeouts=Timeouts(connect=connect_timeout, read=read_timeout),
    )
    try:
        listener = listen(host, port)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host}:{port} ({error.strerror}): choose another with --port"
        ) from None
    place = f"http://{host}:{listener.getsockname()[1]}"
    click.echo(f"gateway on {place}, Ctrl-C ends it", err=True)
    serve(app, listener)
