"""What a request holds while it runs, given back exactly once whatever becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway_hooks.gateway.limits.counting import Reservation
    from gateway_hooks.reading.usage import Usage


class Hold:
    """The reservation of one request."""

    __slots__ = ("_prompt_tokens", "_reservation", "is_abandoned", "is_metered", "reserved_tokens")

    def __init__(
        self, reservation: Reservation | None, reserved_tokens: int, prompt_tokens: int
    ) -> None:
        self._reservation = reservation
        self._prompt_tokens = prompt_tokens
        self.reserved_tokens = reserved_tokens
        self.is_metered = False
        """Whether `recorded` will be called, if perhaps after the end."""
        self.is_abandoned = False
        """Whether the caller left before the answer began: its prompt was read all the same."""

    def recorded(self, usage: Usage) -> None:
        """The event is recorded: what was used is known. Called in any thread."""
        if self._reservation is not None:
            self._reservation.finish(self._used(usage))

    def last_byte(self) -> None:
        """The answer is about to be complete: its caller may come again at once."""
        if self._reservation is not None and not self.is_metered:
            self._reservation.release()

    def end(self, *, succeeded: bool) -> None:
        """The request is over, in whatever way.

        Without metering nobody will ever tell what it has used: the estimate stands for an answer,
        and what failed is given back.
        """
        if self._reservation is None:
            return
        if self.is_metered or succeeded:
            self._reservation.release()
        else:
            self._reservation.finish(0)

    def _used(self, usage: Usage) -> int:
        if usage.input_tokens is None and usage.output_tokens is None:
            return self._prompt_tokens if self.is_abandoned else 0
        # A body too long to be metered has its answer counted only; the rest is as estimated.
        prompt = self._prompt_tokens if usage.input_tokens is None else usage.input_tokens
        return prompt + (usage.output_tokens or 0)
