"""Fetch a small JSON document: an issuer's configuration and its signing keys."""

from __future__ import annotations

from typing import Any, Final, Protocol

_MOST_BYTES: Final = 1 << 20
_SECONDS: Final = 5.0
_WHOLE_SECONDS: Final = 10.0
_OK: Final = 200


class FetchFailed(Exception):
    """The document could not be had; the message says why."""


class Fetch(Protocol):
    """Gets a document. Raises FetchFailed; always ends within seconds."""

    async def __call__(self, url: str) -> dict[str, Any]:
        """The JSON object at an address that the settings name, directly or through discovery."""


async def fetch_json(url: str) -> dict[str, Any]:
    """Fetch it; redirects are not followed, so that nobody leads us elsewhere.

    Raises:
        FetchFailed: no answer in time, another status than 200, or no JSON object.
    """
    import aiohttp
    import msgspec

    try:
        document = msgspec.json.decode(await _get(url))
    except TimeoutError:
        raise FetchFailed(f"{url} did not answer in {_WHOLE_SECONDS:.0f} seconds") from None
    except msgspec.MsgspecError:
        raise FetchFailed(f"{url} is no JSON") from None
    except (aiohttp.ClientError, OSError) as error:
        raise FetchFailed(f"{url}: {type(error).__name__}") from None
    if not isinstance(document, dict):
        raise FetchFailed(f"{url} is no JSON object")
    return document


async def _get(url: str) -> bytes:
    import aiohttp

    # `trust_env`: the proxy of the environment, if there is one, as everywhere else.
    timeout = aiohttp.ClientTimeout(total=_WHOLE_SECONDS, connect=_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        if response.status != _OK:
            raise FetchFailed(f"{url} answered {response.status}")
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise FetchFailed(f"{url} is longer than {_MOST_BYTES} bytes")
        return bytes(body)
