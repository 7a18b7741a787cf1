"""Faults for the command: a small HTTP endpoint on a port of its own.

Its own port, since the hub's own may be paused or away just then; HTTP, since signals carry no
numbers and a file has no answer. The standard library's threaded server is enough here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from gatemeter.emulator.errors import EmulatorError

if TYPE_CHECKING:
    from gatemeter.emulator.emulator import Emulator

_COUNT = (int, type(None))
_SECONDS = (int, float, type(None))
# The faults by their names in `Faults`, each with its arguments and their types.
FAULTS: Final[dict[str, dict[str, tuple[type, ...]]]] = {
    "reject_sends": {"count": _COUNT, "condition": (str,), "description": (str,)},
    "drop_after_store": {"count": _COUNT},
    "swallow_acks": {"count": _COUNT},
    "expire_credentials": {"count": _COUNT},
    "disconnect_all": {},
    "pause": {"seconds": _SECONDS},
    "resume": {},
    "go_away": {"seconds": _SECONDS},
    "come_back": {},
    "clear": {},
}
TRIM: Final[dict[str, tuple[type, ...]]] = {"partition": (str, int), "keep": (int,), "hub": (str,)}
_MAX_BODY_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and what is said as JSON."""

    status: HTTPStatus
    content: dict[str, Any]


def answer(emulator: Emulator, method: str, path: str, body: bytes) -> Reply:
    """Carry one request out: `POST /faults/NAME`, `POST /trim` or `GET /`."""
    name = path.removeprefix("/faults/")
    if method == "GET" and path == "/":
        return Reply(HTTPStatus.OK, state_of(emulator))
    if method != "POST" or (path != "/trim" and name not in FAULTS):
        known = ", ".join(f"/faults/{one}" for one in FAULTS)
        return Reply(HTTPStatus.NOT_FOUND, {"error": f"GET / or POST /trim, {known}"})
    try:
        if path == "/trim":
            emulator.trim(**_arguments(body, TRIM))
        else:
            getattr(emulator.faults, name)(**_arguments(body, FAULTS[name]))
    except (EmulatorError, ValueError, TypeError) as error:
        return Reply(HTTPStatus.BAD_REQUEST, {"error": str(error)})
    return Reply(HTTPStatus.OK, {"done": path})


def state_of(emulator: Emulator) -> dict[str, Any]:
    """The hubs, and how many messages each partition holds."""
    return {
        "connection_string": emulator.connection_string,
        "hubs": {
            hub.name: {
                str(number): len(emulator.messages(number, hub.name))
                for number in range(hub.partitions)
            }
            for hub in emulator.settings.hubs
        },
    }


def _arguments(body: bytes, known: dict[str, tuple[type, ...]]) -> dict[str, Any]:
    """The JSON object of a request, with known names and fitting types only.

    Raises:
        EmulatorError: it is something else.
    """
    try:
        given = json.loads(body) if body.strip() else {}
    except ValueError:
        raise EmulatorError("the body is no JSON") from None
    if not isinstance(given, dict):
        raise EmulatorError('the body is a JSON object such as {"count": 3}')
    for name, value in given.items():
        if name not in known:
            raise EmulatorError(f"{name!r} is not one of {', '.join(known) or 'no arguments'}")
        if not isinstance(value, known[name]) or isinstance(value, bool):
            raise EmulatorError(f"{name} cannot be {value!r}")
    return given


class ControlServer(ThreadingHTTPServer):
    """Listens on the loopback interface from its construction on; run `serve_forever`.

    Raises:
        OSError: the port is taken.
    """

    daemon_threads = True

    def __init__(self, emulator: Emulator, port: int) -> None:
        self.emulator = emulator
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    """One request; silent in the terminal."""

    server: ControlServer

    def do_GET(self) -> None:
        """What is there."""
        self._reply("GET", b"")

    def do_POST(self) -> None:
        """A fault."""
        length = self.headers.get("Content-Length", "0")
        size = int(length) if length.isdecimal() else _MAX_BODY_BYTES + 1
        if size > _MAX_BODY_BYTES:
            self._send(Reply(HTTPStatus.BAD_REQUEST, {"error": "the body is too large"}))
        else:
            self._reply("POST", self.rfile.read(size))

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def _reply(self, method: str, body: bytes) -> None:
        if "Origin" in self.headers:  # a page in a browser has no business here
            self._send(Reply(HTTPStatus.FORBIDDEN, {"error": "not from a browser"}))
        else:
            self._send(answer(self.server.emulator, method, self.path, body))

    def _send(self, reply: Reply) -> None:
        data = json.dumps(reply.content).encode() + b"\n"
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
