"""`gatemeter emulator`: an Azure Event Hubs on this machine."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatemeter.emulator import Emulator, EmulatorError, EmulatorSettings, HubSettings

if TYPE_CHECKING:
    from gatemeter.emulator.control import ControlServer

EXAMPLE = """
\b
Example:
  gatemeter emulator --port 5672 --hub usage --partitions 4 --folder ~/hub --control-port 5673
  curl -s http://127.0.0.1:5673/
  curl -s -d '{"count": 3}' http://127.0.0.1:5673/faults/reject_sends
  curl -s -d '{"seconds": 10}' http://127.0.0.1:5673/faults/go_away
"""


@click.command(
    epilog=EXAMPLE,
    help="""Run an emulator of Azure Event Hubs that the unmodified SDK talks to.

    It prints the connection string to use. Faults are asked for over HTTP on --control-port:
    reject_sends, drop_after_store, swallow_acks, expire_credentials, disconnect_all, pause, resume,
    go_away, come_back, clear; docs/emulator.md says what each does.""",
)
@click.option("--hub", "hubs", multiple=True, help="A hub's name; may be repeated. Default: usage.")
@click.option("--partitions", default=4, show_default=True, type=int, help="Of each hub.")
@click.option("--group", "groups", multiple=True, help="A consumer group besides $Default.")
@click.option("--port", default=5672, show_default=True, type=click.IntRange(0, 65535))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep messages there, and find them there again. Default: in memory only.",
)
@click.option("--control-port", type=click.IntRange(0, 65535), help="Take faults over HTTP there.")
@click.option(
    "--certificate",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM file: speak TLS. Clients then need custom_endpoint_address as well.",
)
@click.option(
    "--private-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM file of the certificate's key.",
)
@click.option("--accept-jwt", is_flag=True, help="Let in any Entra token, unchecked.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON when ready.")
def command(
    *,
    hubs: tuple[str, ...],
    partitions: int,
    groups: tuple[str, ...],
    port: int,
    host: str,
    folder: Path | None,
    control_port: int | None,
    certificate: Path | None,
    private_key: Path | None,
    accept_jwt: bool,
    as_json: bool,
) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = threading.Event()
    try:
        settings = EmulatorSettings(
            hubs=tuple(
                HubSettings(name, partitions, ("$Default", *groups)) for name in hubs or ("usage",)
            ),
            host=host,
            port=port,
            folder=folder.expanduser() if folder else None,
            certificate=certificate,
            private_key=private_key,
            accept_jwt=accept_jwt,
        )
        with Emulator(settings) as emulator:
            control = _control(emulator, control_port)
            try:
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, lambda *_: stop.set())
                click.echo(_ready(emulator, control, as_json=as_json))
                stop.wait()
            finally:
                if control is not None:
                    control.shutdown()
                    control.server_close()
    except EmulatorError as error:
        raise click.ClickException(str(error)) from None


def _control(emulator: Emulator, port: int | None) -> ControlServer | None:
    """Take faults over HTTP, when that was asked for."""
    if port is None:
        return None
    from gatemeter.emulator.control import ControlServer

    try:
        control = ControlServer(emulator, port)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on port {port} ({error.strerror}): choose another with --control-port"
        ) from None
    threading.Thread(target=control.serve_forever, name="emulator-control", daemon=True).start()
    return control


def _ready(emulator: Emulator, control: ControlServer | None, *, as_json: bool) -> str:
    """What is printed once clients can connect."""
    strings = {hub.name: emulator.connection_string_of(hub.name) for hub in emulator.settings.hubs}
    if as_json:
        return json.dumps(
            {
                "port": emulator.port,
                "connection_string": emulator.connection_string,
                "hubs": strings,
                "control": control.url if control else None,
                "custom_endpoint_address": emulator.custom_endpoint_address,
            }
        )
    lines = [f"Event Hubs emulator on port {emulator.port}, Ctrl-C ends it"]
    lines += [f"  {name}: {text}" for name, text in strings.items()]
    if control is not None:
        lines.append(f"  faults: {control.url}/faults/...")
    return "\n".join(lines)
