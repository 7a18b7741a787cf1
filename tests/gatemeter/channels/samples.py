"""Messages, and servers that take them, for the tests of channels."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from analytics.alerts import Alert, Message

if TYPE_CHECKING:
    from collections.abc import Iterator

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


def message(**fields: Any) -> Message:
    """A message of a budget alert."""
    made: dict[str, Any] = {
        "kind": "budget",
        "subject": "all",
        "period": "2026-11",
        "threshold": "80 % of 100 USD",
        "title": "Budget all: 85 % used",
        "text": "85.00 USD of 100.00 USD are used in 2026-11 (everything), 9.5 days left.",
        "facts": {"used": "85.000000000000000001", "days_left": ""},
    }
    return Message.read(Alert(**{**made, **fields}).payload(AT))


@dataclass
class Receiver:
    """An HTTP server on the loopback interface: answers as told, and keeps what it is sent."""

    answers: list[int] = field(default_factory=list)
    """Status codes of the next answers; then 200."""
    headers: dict[str, str] = field(default_factory=dict)
    """Of every answer."""
    wait: threading.Event | None = None
    """Answers only once it is set."""
    paths: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    """The headers of each request, in lower case."""
    url: str = ""


@contextlib.contextmanager
def receiving(receiver: Receiver) -> Iterator[Receiver]:
    """Run the server; its address is in `url`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.paths.append(self.path)
            receiver.bodies.append(json.loads(body))
            receiver.asked.append({name.lower(): value for name, value in self.headers.items()})
            if receiver.wait is not None:
                receiver.wait.wait(30)
            with contextlib.suppress(OSError):
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

        do_GET = do_POST  # noqa: N815 - its name

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        if receiver.wait is not None:
            receiver.wait.set()
        server.shutdown()
        thread.join()
        server.server_close()
