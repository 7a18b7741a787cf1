"""What has been found in an answer so far: written by the readers of bodies and of streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.reading import wire
from gateway_hooks.reading.answer_facts import AnswerFacts, is_success
from gateway_hooks.reading.content_filter import FilterFindings, prompt_shield
from gateway_hooks.reading.generated_text import GeneratedText
from gateway_hooks.reading.throttling import throttle_kind
from gateway_hooks.reading.usage import TOKEN_OPERATIONS, reported_usage

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from gateway_hooks.event import ThrottleKind
    from gateway_hooks.reading.operations import Call
    from gateway_hooks.reading.request import RequestFacts
    from gateway_hooks.reading.usage import Usage

_MAX_FINISH_REASONS: Final = 128


class Findings:
    """Facts under construction; the last usage wins, the first id and model that are not empty."""

    def __init__(
        self,
        call: Call,
        status_code: int,
        headers: Mapping[str, str],
        request: RequestFacts,
        max_bytes: int,
    ) -> None:
        self.call = call
        self.request = request
        self.status_code = status_code
        self.succeeded = is_success(status_code)
        self.filters = FilterFindings()
        self.saw_content = False
        self.ended = False
        self.complete = False
        self.unreadable = False
        self.images = 0
        self.image_size: str | None = None
        self.image_quality: str | None = None
        self._headers = headers
        self._usage: Usage | None = None
        self._id: str | None = None
        self._model: str | None = None
        self._service_tier: str | None = None
        self._finish_reasons: dict[int, str] = {}
        self._error_type: str | None = None
        self._error_code: str | None = None
        self._throttle: ThrottleKind | None = None
        self._text = GeneratedText(max_bytes)
        self._keeps_text = call.operation in TOKEN_OPERATIONS

    @property
    def has_usage(self) -> bool:
        """Whether usage was reported."""
        return self._usage is not None

    @property
    def has_text(self) -> bool:
        """Whether any generated text was kept."""
        return bool(self._text)

    def identity(self, response_id: object, model: object, service_tier: object = None) -> None:
        """Take the id and the model, unless they are known; Azure's first chunk has empty ones."""
        if self._id is None:
            self._id = wire.name(response_id)
        if self._model is None:
            self._model = wire.name(model)
        if service_tier is not None:
            self._service_tier = wire.name(service_tier) or self._service_tier

    def usage(self, reported: object) -> None:
        """Take a usage object; later ones replace earlier ones, useless ones replace nothing."""
        if reported is not None:
            self._usage = reported_usage(self.call, reported) or self._usage

    def audio_seconds(self, duration: object) -> None:
        """Take the length of what was transcribed, unless usage says something else."""
        if self._usage is None and duration is not None:
            self._usage = reported_usage(self.call, {"seconds": duration})

    def content(self, part: Hashable, text: object) -> None:
        """Take generated text of one part of the answer; kept while no usage is known."""
        if isinstance(text, str) and text:
            self.saw_content = True
            if self._keeps_text and self._usage is None:
                self._text.add(part, text)

    def finish_reason(self, index: int, reason: object) -> None:
        """Take why a choice ended."""
        reason = wire.code(reason)
        if reason is not None and (
            index in self._finish_reasons or len(self._finish_reasons) < _MAX_FINISH_REASONS
        ):
            self._finish_reasons[index] = reason

    @property
    def finished(self) -> bool:
        """Whether some choice said why it ended."""
        return bool(self._finish_reasons)

    def error(self, error: object, *, by_gateway: bool = False) -> None:
        """Take an error's type, code and filter results; its text only says what kind it is."""
        fields: dict[Any, Any] = error if isinstance(error, dict) else {"message": error}
        inner = wire.as_dict(fields.get("innererror") or fields.get("inner_error"))
        self._error_type = wire.code(fields.get("type")) or self._error_type
        self._error_code = (
            wire.code(fields.get("code")) or wire.code(inner.get("code")) or self._error_code
        )
        add = self.filters.add_prompt
        if fields.get("param") == "completion":  # a gateway took the answer away, not the prompt
            add = self.filters.add_completion
        add(inner)
        add(fields)
        message = fields.get("message")
        kind = throttle_kind(
            self.status_code, self._headers, message if isinstance(message, str) else None
        )
        self._throttle = "gateway" if kind is not None and by_gateway else kind

    def facts(self) -> AnswerFacts:
        """Everything, as the meter wants it; text is handed over only when no usage was seen."""
        content_filter = self.filters.found()
        estimated = self._usage is None
        throttle = self._throttle
        if throttle is None and not self.succeeded:
            throttle = throttle_kind(self.status_code, self._headers, None)
        return AnswerFacts(
            self.status_code,
            usage=self._usage,
            response_id=self._id,
            response_model=self._model,
            service_tier=self._service_tier,
            finish_reasons=[reason for _, reason in sorted(self._finish_reasons.items())],
            error_type=self._error_type,
            error_code=self._error_code,
            throttle=throttle,
            content_filter=content_filter,
            prompt_shield=prompt_shield(content_filter),
            images=self.images or None,
            image_size=self.image_size,
            image_quality=self.image_quality,
            saw_content=self.saw_content,
            complete=self.complete,
            unreadable=self.unreadable,
            completion_text=self._text.texts() if estimated else [],
            unread_characters=self._text.dropped_characters if estimated else 0,
        )
