"""One response of a realtime session, from `response.create` to `response.done`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.estimating.estimate import BYTES_PER_TOKEN
from gateway_hooks.reading import wire
from gateway_hooks.reading.findings import Findings
from gateway_hooks.reading.usage import Usage

if TYPE_CHECKING:
    from gateway_hooks.exchange import Exchange

_OK: Final = 200
_BAD_REQUEST: Final = 400
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_SAID: Final = frozenset(
    {
        "response.text.delta",
        "response.output_text.delta",
        "response.audio_transcript.delta",
        "response.output_audio_transcript.delta",
        "response.function_call_arguments.delta",
    }
)
_SOUND: Final = frozenset({"response.audio.delta", "response.output_audio.delta"})
_AUDIO_TOKENS_A_SECOND: Final = 20
# Base64 of 16 bits at 24 kHz; telephone formats have a byte at 8 kHz.
_PCM_CHARACTERS_A_SECOND: Final = 64_000
_PHONE_CHARACTERS_A_SECOND: Final = 10_667


class Response:
    """A response under way: its exchange, and what was generated so far in case nobody reports."""

    __slots__ = ("_findings_id", "_said_bytes", "_sound_characters", "exchange")

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._findings_id: str | None = None
        self._said_bytes = 0
        self._sound_characters = 0

    def created(self, response_id: str) -> None:
        """The backend has begun; from now on it can charge something."""
        self._findings_id = response_id
        self.exchange.status_code = _OK

    def delta(self, kind: str, delta: object) -> None:
        """A piece of the answer."""
        if not isinstance(delta, str) or not delta:
            return
        if kind in _SAID:
            self._said_bytes += len(delta.encode("utf-8", "replace"))
        elif kind in _SOUND:
            self._sound_characters += len(delta)
        else:
            return
        if self.exchange.first_content_ns is None:
            self.exchange.first_content_ns = self.exchange.clock.monotonic_ns()

    def done(self, response: dict[Any, Any], model: str | None, *, is_phone: bool) -> None:
        """The last frame: take what it says."""
        details = wire.as_dict(response.get("status_details"))
        error = wire.as_dict(details.get("error"))
        status = _status(response.get("status"), error)
        findings = self._findings(status, model)
        findings.usage(response.get("usage"))
        if response.get("status") == "failed":
            findings.error(error or {"code": "failed"})
        findings.finish_reason(0, details.get("reason") or response.get("status"))
        for annotated in (response, *wire.as_list(response.get("content_filters"))):
            findings.filters.add_completion(annotated)
        self._end(findings, is_phone=is_phone)

    def refused(self, error: dict[Any, Any]) -> None:
        """The backend did not begin: an `error` came instead of `response.created`."""
        findings = self._findings(_status("failed", error), None)
        findings.error(error)
        self._end(findings, is_phone=False)

    def broke_off(self, model: str | None, error: str | None, *, is_phone: bool) -> None:
        """There will be no last frame.

        Args:
            model: that served.
            error: why, when it was not the client that left.
            is_phone: whether the sound is in a telephone's format.
        """
        exchange = self.exchange
        if error is None:
            exchange.client_left()
        else:
            exchange.failed(error)
            for attempt in exchange.attempts:
                attempt.failed(error)
        if self._findings_id is not None:
            self._end(self._findings(_OK, model), is_phone=is_phone)

    def _findings(self, status: int, model: str | None) -> Findings:
        exchange = self.exchange
        findings = Findings(exchange.call, status, {}, exchange.request, 0)
        findings.identity(self._findings_id, model)
        return findings

    def _end(self, findings: Findings, *, is_phone: bool) -> None:
        exchange = self.exchange
        facts = findings.facts()
        if facts.usage is None:
            facts.usage = self._estimate(is_phone=is_phone)
        exchange.status_code = facts.status_code
        exchange.facts = facts
        for attempt in exchange.attempts:
            # What the backend charged for it has served, however it ended.
            charged = facts.usage.source == "reported" and facts.usage.output_tokens
            attempt.status_code = _OK if charged else facts.status_code
            attempt.throttle = facts.throttle
            attempt.end()

    def _estimate(self, *, is_phone: bool) -> Usage:
        """What was seen of the answer, by size: the input is not known here."""
        if not self._said_bytes and not self._sound_characters:
            return Usage("none")
        a_second = _PHONE_CHARACTERS_A_SECOND if is_phone else _PCM_CHARACTERS_A_SECOND
        heard = -(-self._sound_characters * _AUDIO_TOKENS_A_SECOND // a_second)
        said = -(-self._said_bytes // BYTES_PER_TOKEN)
        return Usage("estimated", output_tokens=said + heard, audio_output_tokens=heard or None)


def _status(status: object, error: dict[Any, Any]) -> int:
    """The HTTP status that says the same."""
    if status != "failed":
        return _OK
    code, kind = str(error.get("code")), str(error.get("type"))
    if "rate_limit" in code or code == "insufficient_quota":
        return _TOO_MANY
    if kind == "invalid_request_error" or "content_filter" in code:
        return _BAD_REQUEST
    return _SERVER_ERROR
