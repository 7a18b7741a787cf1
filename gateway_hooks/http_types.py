"""The nouns of httpx and httpx2, which have the same classes under two names.

Which of the two is there depends on the version of the openai SDK, and a base installation has
neither, so no type of theirs can be named. What is used of each is what both have.
"""

from __future__ import annotations

from typing import Any

HttpClient = Any
"""`Client` or `AsyncClient`."""

HttpOptions = Any
"""Arguments of a client's class, which checks them itself."""

HttpTransport = Any
"""`BaseTransport`, `AsyncBaseTransport`: what sends one request."""

HttpRequest = Any
"""`Request`: `method`, `url`, `headers`, `read()`, `extensions`."""

HttpResponse = Any
"""`Response`: `status_code`, `headers`, `stream`."""

HttpStream = Any
"""`SyncByteStream`, `AsyncByteStream`: a body to iterate over and close."""
