"""`gatemeter gateway`: run the GenAI gateway."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from pathlib import Path
from subprocess import Popen
from typing import TYPE_CHECKING, Any

import click

from gatemeter.number import Number
from gateway_hooks.gateway.pool.backends import Backend, split_options, unique
from gateway_hooks.settings import HookSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway_hooks.gateway.config import GatewayConfig

EXAMPLE = """
\b
Examples:
  gatemeter gateway --config gateway.toml
  gatemeter gateway --config gateway.toml --check
  kill -HUP PID                        # read gateway.toml again; nothing is interrupted
\b
  export EAST_KEY=... WEST_KEY=...     # without a file: everybody who reaches it is let in
  gatemeter gateway --port 8080 \\
    --backend https://east.openai.azure.com,key=EAST_KEY,type=ptu,region=eastus \\
    --backend https://west.openai.azure.com,key=WEST_KEY,region=westeurope
"""


@click.command(
    epilog=EXAMPLE,
    help="""Serve Azure OpenAI from several backends: who may call, how much, checked and metered.

    What OpenAI's and Azure's SDKs do works against it unchanged. gateway.toml says which backends
    there are, who may call them, and with which limits, budgets and content checks; see
    docs/gateway.md. Keys for callers are made by `gatemeter keys create`.

    A backend that refuses (429), fails or cannot be reached is followed by the next before the
    caller has seen a byte. Events go to the queue of GATEMETER_HOME.""",
)
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="GATEMETER_GATEWAY_CONFIG",
    help="The gateway's settings, TOML.",
)
@click.option("--check", is_flag=True, help="Only say whether the settings can be used.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Instead of the file's.  [default: 8080]"
)
@click.option("--host", help="Address to listen on, instead of the file's.  [default: 127.0.0.1]")
@click.option("--workers", type=click.IntRange(1, 128), help="Processes, instead of the file's.")
@click.option(
    "--backend",
    "backends",
    multiple=True,
    envvar="GATEMETER_GATEWAY_BACKENDS",
    metavar="URL[,key=VARIABLE][,identity=..][,name=..][,region=..][,type=..]",
    help="Without a file: a backend; repeat it in order of priority. key= names the environment "
    "variable that holds its key; without it the caller's own key is passed on. type: global, "
    "data_zone, regional, batch, ptu.",
)
@click.option(
    "--connect-timeout",
    type=Number(0, 86_400, min_open=True),
    help="Without a file: seconds to reach a backend.  [default: 5]",
)
@click.option(
    "--read-timeout",
    type=Number(0, 86_400, min_open=True),
    help="Without a file: longest silence of a backend, in seconds.  [default: 600]",
)
def command(
    *,
    file: Path | None,
    check: bool,
    port: int | None,
    host: str | None,
    workers: int | None,
    backends: tuple[str, ...],
    connect_timeout: float | None,
    read_timeout: float | None,
) -> None:
    """Serve until told to stop."""
    from gateway_hooks.gateway.serving.listening import listen
    from gateway_hooks.gateway.serving.server import serve, server_config
    from gateway_hooks.gateway.serving.worker import FILE, SETTINGS

    if (file is None) == (not backends):
        raise click.UsageError("give either --config gateway.toml or at least one --backend")
    timeouts = _given(connect=connect_timeout, read=read_timeout)
    if file is not None and timeouts:
        raise click.UsageError(f"time-outs are in the file: set [timeouts] in {file}")
    config = _of_file(file) if file is not None else _of_backends(backends, timeouts)
    server = config.server.model_copy(update=_given(host=host, port=port, workers=workers))
    if check:
        click.echo(f"{file or 'the backends'}: can be used")
        return
    if file is not None:
        os.environ[FILE] = str(file.absolute())
    else:
        os.environ.pop(FILE, None)
        os.environ[SETTINGS] = config.model_dump_json()
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    try:
        listener = listen(server.host, server.port)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {server.host}:{server.port} ({error.strerror}): "
            "choose another with --port"
        ) from None
    scheme = "https" if server.tls_certificate else "http"
    place = f"{scheme}://{server.host}:{listener.getsockname()[1]}"
    click.echo(f"gateway on {place}, Ctrl-C ends it", err=True)
    message_bytes = config.realtime.message_bytes
    with _shared_metrics(server.workers), _publishing(config):
        told = server_config(
            "gateway_hooks.gateway.serving.worker:app", server, message_bytes=message_bytes
        )
        serve(told, listener)


def _given(**options: object) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _of_file(file: Path) -> GatewayConfig:
    """The settings, checked as far as they can be without serving."""
    from gateway_hooks.gateway.config import read_config

    config = read_config(file)
    config.made_pools()
    config.operations.key(os.environ)
    if config.limit_counters is not None:
        config.limit_counters.url()
    if config.content_safety is not None:
        config.content_safety.key()
    return config


def _of_backends(texts: tuple[str, ...], timeouts: dict[str, float]) -> GatewayConfig:
    """A gateway without access control, as in a laptop's first minute."""
    from gateway_hooks.gateway.access.settings import AccessSettings
    from gateway_hooks.gateway.config import BackendTable, GatewayConfig, TimeoutsTable

    written = [split_options(text) for text in texts]
    backends = unique([Backend.of(url, options, os.environ) for url, options in written])
    tables = [
        BackendTable(
            name=backend.name,
            url=url,
            key_env=options.get("key"),
            identity=backend.identity,
            region=backend.region,
            type=backend.deployment_type,
        )
        for (url, options), backend in zip(written, backends, strict=True)
    ]
    return GatewayConfig(
        backends=tuple(tables),
        timeouts=TimeoutsTable(**timeouts),
        access=AccessSettings(anonymous=True),
    )


@contextlib.contextmanager
def _shared_metrics(workers: int) -> Iterator[None]:
    """A folder in which several workers add up their metrics."""
    if workers == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="gatemeter-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


@contextlib.contextmanager
def _publishing(config: GatewayConfig) -> Iterator[None]:
    """A process that writes down what was used of budgets, as long as the gateway runs."""
    if config.budgets is None or config.budgets.publish_seconds == 0:
        yield
        return
    arguments = ["budgets", "publish", "--every", str(config.budgets.publish_seconds)]
    if config.budgets.state_file is not None:
        arguments += ["--out", str(config.budgets.state_file)]
    home = str(HookSettings.load().home)
    publisher = Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "gatemeter.child", str(os.getpid()), *arguments],
        env={**os.environ, "GATEMETER_HOME": home},
    )
    try:
        yield
    finally:
        publisher.terminate()
        publisher.wait(10)
