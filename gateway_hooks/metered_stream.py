"""An answer's body on its way from a transport to its caller, for httpx and httpx2 alike."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from gateway_hooks.async_settle import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from gateway_hooks.http_types import HttpStream
    from gateway_hooks.outgoing import Watch


class _SyncBody:
    """Feeds the watch and settles the exchange before the last bytes are handed out."""

    def __init__(self, inner: HttpStream, watching: Watch) -> None:
        self._inner = inner
        self._watching = watching

    def __iter__(self) -> Iterator[bytes]:
        watching = self._watching
        try:
            for chunk in self._inner:
                kept = watching.feed(chunk)
                if watching.answer_ended:
                    self._settle()
                if kept:
                    yield kept
        except Exception as error:
            watching.failed(error)
            self._settle()
            raise
        rest = watching.rest()
        self._settle()
        if rest:
            yield rest

    def close(self) -> None:
        """Let go of the answer; before its end that is the caller leaving."""
        try:
            self._watching.left()
            self._settle()
        finally:
            self._inner.close()

    def _settle(self) -> None:
        exchange = self._watching.over()
        if exchange is not None:
            exchange.settle()


class _AsyncBody:
    """The same for asyncio."""

    def __init__(self, inner: HttpStream, watching: Watch) -> None:
        self._inner = inner
        self._watching = watching

    async def __aiter__(self) -> AsyncIterator[bytes]:
        watching = self._watching
        try:
            async for chunk in self._inner:
                kept = watching.feed(chunk)
                if watching.answer_ended:
                    await self._settle()
                if kept:
                    yield kept
        except Exception as error:
            watching.failed(error)
            await self._settle()
            raise
        rest = watching.rest()
        await self._settle()
        if rest:
            yield rest

    async def aclose(self) -> None:
        """Let go of the answer; before its end that is the caller leaving."""
        try:
            self._watching.left()
            await self._settle()
        finally:
            await self._inner.aclose()

    async def _settle(self) -> None:
        exchange = self._watching.over()
        if exchange is not None:
            await settle(exchange)


def metered_stream(inner: HttpStream, watching: Watch) -> HttpStream:
    """A body that passes `inner` on, of the class that its library asks for."""
    return _body_class(_SyncBody, _base(inner, "SyncByteStream"))(inner, watching)


def async_metered_stream(inner: HttpStream, watching: Watch) -> HttpStream:
    """The same for asyncio."""
    return _body_class(_AsyncBody, _base(inner, "AsyncByteStream"))(inner, watching)


def _base(inner: object, name: str) -> type:
    """The library's own class of streams; clients refuse any other."""
    return next((base for base in type(inner).__mro__ if base.__name__ == name), object)


@functools.cache
def _body_class(body: type, base: type) -> Callable[[HttpStream, Watch], HttpStream]:
    return type(body.__name__.strip("_"), (body, base), {})
