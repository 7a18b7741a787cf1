"""How many tokens a request will be: its prompt, and the most that it allows as an answer.

A short prompt is counted where it comes in, unless it is next to nothing of its limits. That one
and a long one are taken by their size first, which is rather too much than too little, and counted
by the tokenizer, in a thread, only when that would refuse them.
What is mostly images or audio is counted at once: its size says nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway_hooks.background import Background
from gateway_hooks.clock import SystemClock
from gateway_hooks.counters import Counters
from gateway_hooks.estimating.audio import audio_seconds
from gateway_hooks.estimating.prompt_tokens import PromptCounter
from gateway_hooks.estimating.tokenizer import TokenizerUnavailable, count_tokens, encoding_name
from gateway_hooks.gateway.incoming import KEPT_BYTES
from gateway_hooks.reading import wire
from gateway_hooks.reading.headers import lower_headers, whole_number
from gateway_hooks.reading.usage import TOKEN_OPERATIONS
from gateway_hooks.safety import Safety

if TYPE_CHECKING:
    from gateway_hooks.gateway.incoming import IncomingRequest

SHORT_BYTES: Final = 4096
"""A body up to this length is counted on the event loop: about 0.2 ms."""
BYTES_PER_TOKEN: Final = 3
"""Of a body that is not counted; English has more than 4, code and numbers fewer."""
SLIGHT: Final = 100
"""A limit of so many times a body's bytes: no count of its tokens could matter."""
COUNTING_SECONDS: Final = 1.0
"""Longest that a request waits for its count; then its size has to do."""
_MOST_CHOICES: Final = 128
_MEDIA: Final = (b"data:", b'"input_audio"')


class _Asked(msgspec.Struct):
    """The fields that bound an answer; the rest of the body is skipped."""

    max_completion_tokens: Any = None
    max_output_tokens: Any = None
    max_tokens: Any = None
    n: Any = None
    best_of: Any = None


_asked: Final = msgspec.json.Decoder(_Asked)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Tokens to reserve."""

    prompt: int
    answer: int
    is_counted: bool
    """False when the prompt was taken by its size."""

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.prompt + self.answer


NOTHING: Final = Estimate(0, 0, is_counted=True)


class Estimator:
    """Counts prompts; one thread, loaded when first used."""

    def __init__(self, background: Background | None = None, safety: Safety | None = None) -> None:
        self._background = background or Background()
        self._safety = safety or Safety(Counters(), SystemClock())
        self._loaded: set[str] = set()

    async def first(self, request: IncomingRequest, smallest_limit: int = 0) -> Estimate:
        """The estimate to try with; of a prompt that is next to nothing of its limits, the size.

        Args:
            request: what is estimated.
            smallest_limit: tokens of the tightest limit that it is for; 0 when that is not known.
        """
        if request.call.operation not in TOKEN_OPERATIONS:
            return NOTHING  # images, audio and what only reads: counted by what the answer says
        body = request.body.kept
        if body is None:
            return Estimate(_announced_bytes(request) // BYTES_PER_TOKEN, 0, is_counted=True)
        is_short = len(body) <= SHORT_BYTES
        is_slight = len(body) * SLIGHT <= smallest_limit
        if (is_slight or not is_short) and not any(mark in body for mark in _MEDIA):
            return _by_size(request, body)
        if is_short and encoding_name(request.deployment) in self._loaded:
            return self._carefully(request, body)
        return await self.counted(request)

    async def counted(self, request: IncomingRequest) -> Estimate:
        """The estimate by the tokenizer, made in the thread; by size when that takes too long."""
        body = request.body.kept or b""
        made: list[Estimate] = []
        work = self._background.submit(
            lambda: made.append(self._carefully(request, body)), held_bytes=len(body)
        )
        if work is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(COUNTING_SECONDS):
                    await asyncio.shield(asyncio.wrap_future(work))
        return made[0] if made else _by_size(request, body)

    def close(self) -> None:
        """End the thread."""
        self._background.close()

    def _carefully(self, request: IncomingRequest, body: bytes) -> Estimate:
        with self._safety("token_estimate"):
            return self._counted(request, body)
        return _by_size(request, body)

    def _counted(self, request: IncomingRequest, body: bytes) -> Estimate:
        fields = wire.as_dict(wire.decode(body, wire.any_json))
        model = request.deployment
        encoding = encoding_name(model)
        counter = PromptCounter(model, lambda text: count_tokens(text, encoding), audio_seconds)
        try:
            prompt = counter.count(request.call.operation, fields)
        except TokenizerUnavailable:
            return _by_size(request, body)
        self._loaded.add(encoding)
        return Estimate(prompt, _most_answered(request, body), is_counted=True)


def _by_size(request: IncomingRequest, body: bytes) -> Estimate:
    return Estimate(len(body) // BYTES_PER_TOKEN, _most_answered(request, body), is_counted=False)


def _announced_bytes(request: IncomingRequest) -> int:
    """The length of a body that is too long to be read here."""
    announced = lower_headers(request.headers, ("content-length",)).get("content-length")
    return max(KEPT_BYTES, whole_number(announced) or 0)


def _most_answered(request: IncomingRequest, body: bytes) -> int:
    """What the caller allows the answer to be, of all the choices it asks for."""
    asked = wire.decode(body, _asked)
    if asked is None or request.call.operation == "embeddings":
        return 0
    # The largest: which of them the backend goes by is not known, a small one may be for show.
    fields = (asked.max_completion_tokens, asked.max_output_tokens, asked.max_tokens)
    allowed = max(_figure(one) for one in fields)
    choices = max(1, *(_figure(one) for one in (asked.n, asked.best_of)))
    return allowed * min(choices, _MOST_CHOICES)


def _figure(value: object) -> int:
    """A whole number that was sent; of one that is too large for any counter, the largest."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return 0
    return wire.MAX_COUNT if value > wire.MAX_COUNT else int(value)
