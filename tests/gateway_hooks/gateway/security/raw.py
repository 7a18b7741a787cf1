"""Requests that no HTTP library would send."""

from __future__ import annotations

import socket


def connect(url: str) -> socket.socket:
    """A connection to the gateway."""
    host, _, port = url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=15)


def said(url: str, data: bytes) -> bytes:
    """All that comes back, until the gateway hangs up."""
    with connect(url) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))
