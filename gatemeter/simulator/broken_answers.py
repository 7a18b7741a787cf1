"""The faults that replace a whole answer, whatever was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, Response

from gatemeter.simulator import connection

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_BAD_GATEWAY = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    "<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)


class _ResetAnswer(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await connection.reset(scope, receive)


class _NoAnswer(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        while (await receive())["type"] != "http.disconnect":
            pass


def broken_answer(fault: str | None) -> Response | None:
    """What is sent instead of an answer; None when the fault leaves the answer in place."""
    match fault:
        case "reset":
            return _ResetAnswer()
        case "hang":
            return _NoAnswer()
        case "html-502":
            return HTMLResponse(_BAD_GATEWAY, 502, {"server": "nginx"})
        case _:
            return None
