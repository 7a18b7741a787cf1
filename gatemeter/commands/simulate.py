"""`gatemeter simulate`: run the loopback Azure OpenAI."""

from __future__ import annotations

import click

from gatemeter.number import Number
from gatemeter.simulator.config import Deployment, SimulatorConfig
from gatemeter.simulator.faults import EVERYDAY, FAULTS

EXAMPLE = """
\b
Example:
  gatemeter simulate --port 8085 --deployment chat=gpt-4o:tpm=60000 --fail-rate 0.05
  curl -s -H 'api-key: any' -H 'content-type: application/json' \\
    'http://127.0.0.1:8085/openai/deployments/chat/chat/completions?api-version=2024-10-21' \\
    -d '{"messages": [{"role": "user", "content": "Hello"}]}'
"""


class DeploymentType(click.ParamType[Deployment]):
    """NAME=MODEL[:tpm=..,rpm=..,type=..,region=..]."""

    name = "NAME=MODEL[:OPTIONS]"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Deployment:
        """Read one deployment."""
        if isinstance(value, Deployment):
            return value
        try:
            return Deployment.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Failure(click.ParamType[tuple[str, float]]):
    """NAME=PROBABILITY."""

    name = "NAME=PROBABILITY"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        """Read one failure and how often it happens."""
        name, _, probability = str(value).partition("=")
        if name not in FAULTS:
            self.fail(f"{name!r} is not one of {', '.join(FAULTS)}", param, ctx)
        try:
            rate = float(probability or "1")
        except ValueError:
            rate = -1.0
        if not 0 <= rate <= 1:
            self.fail(f"{name}: {probability!r} is no probability from 0 to 1", param, ctx)
        return name, rate


@click.command(
    epilog=EXAMPLE,
    help="""Run a loopback Azure OpenAI: every operation, Azure's limits, headers and errors.

    Its answers are made-up filler, but its usage is exact: GET /_simulator/ledger tells what it
    billed. It is Azure AI Content Safety, too. A single request asks for a failure with the header
    `x-simulate: NAME`; the names are those of --fail.""",
)
@click.option("--port", default=8085, show_default=True, type=click.IntRange(0, 65535))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--deployment",
    "deployments",
    multiple=True,
    type=DeploymentType(),
    help="A deployment; may be repeated. Options after a colon: tpm, rpm, type (global, "
    "data_zone, regional, ptu), region. Default: one of each usual model, unlimited.",
)
@click.option(
    "--key", "keys", multiple=True, help="Accept only this key; may be repeated. Default: any."
)
@click.option("--region", default="eastus", show_default=True, help="Region of the resource.")
@click.option("--latency-ms", default=0.0, type=Number(0), help="Time to the first token.")
@click.option("--token-ms", default=0.0, type=Number(0), help="Time for each token.")
@click.option(
    "--fail-rate",
    default=0.0,
    type=Number(0, 1),
    help=f"Probability of a failure: {', '.join(EVERYDAY)}.",
)
@click.option(
    "--fail",
    "failures",
    multiple=True,
    type=Failure(),
    help=f"A failure and its probability; may be repeated. Names: {', '.join(FAULTS)}.",
)
@click.option("--seed", default=0, show_default=True, help="Of answers, latencies and failures.")
def command(
    *,
    port: int,
    host: str,
    deployments: tuple[Deployment, ...],
    keys: tuple[str, ...],
    region: str,
    latency_ms: float,
    token_ms: float,
    fail_rate: float,
    failures: tuple[tuple[str, float], ...],
    seed: int,
) -> None:
    """Serve until interrupted."""
    from gatemeter.simulator.server import serve
    from gateway_hooks.gateway.serving.listening import listen

    every_day = dict.fromkeys(EVERYDAY, fail_rate / len(EVERYDAY)) if fail_rate else {}
    usual = SimulatorConfig().deployments
    config = SimulatorConfig(
        deployments=deployments or usual,
        region=region,
        keys=frozenset(keys),
        seed=seed,
        first_token_ms=latency_ms,
        token_ms=token_ms,
        failures=every_day | dict(failures),
    )
    try:
        listener = listen(host, port)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host}:{port} ({error.strerror}): choose another with --port"
        ) from None
    place = f"http://{host}:{listener.getsockname()[1]}"
    click.echo(f"simulated Azure OpenAI ({region}) on {place}, Ctrl-C ends it", err=True)
    for one in config.deployments:
        click.echo(f"  {one.name}: {one.model}", err=True)
    serve(config, listener)
