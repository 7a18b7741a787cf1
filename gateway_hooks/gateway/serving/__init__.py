"""The server: sockets, HTTP, WebSockets, worker processes, and an orderly end."""
