"""Where a reader starts: the selector of its link, turned into a sequence number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatemeter.emulator.errors import ARGUMENT_ERROR, Refusal

if TYPE_CHECKING:
    from gatemeter.emulator.partition import Partition

_SELECTOR = re.compile(
    r"^\s*amqp\.annotation\.x-opt-(offset|sequence-number|enqueued-time)\s*(>=|>)\s*'?([^']*)'?\s*$"
)
_OLDEST = "-1"
_LATEST = "@latest"


@dataclass(frozen=True, slots=True)
class StartPosition:
    """A field, its value as text, and whether the value itself belongs to it."""

    by: str = "offset"
    value: str = _OLDEST
    inclusive: bool = False

    @classmethod
    def parse(cls, selector: str) -> StartPosition:
        """Read a selector such as `amqp.annotation.x-opt-offset > '@latest'`.

        Raises:
            Refusal: it has another form.
        """
        match = _SELECTOR.match(selector)
        if match is None:
            raise Refusal(ARGUMENT_ERROR, f"the selector {selector!r} is not understood")
        return cls(match[1], match[3], match[2] == ">=")

    def sequence_in(self, partition: Partition) -> int:
        """The sequence number to begin with.

        Raises:
            Refusal: the value is no number or lies after everything the partition ever held.
        """
        if self.by == "offset" and self.value == _LATEST:
            return partition.next_sequence
        if self.by == "offset" and self.value == _OLDEST:
            return partition.first_sequence
        try:
            number = int(self.value)
        except ValueError:
            raise Refusal(ARGUMENT_ERROR, f"{self.by} {self.value!r} is no number") from None
        if self.by == "enqueued-time":
            return partition.sequence_at_time(number, inclusive=self.inclusive)
        end = partition.next_offset if self.by == "offset" else partition.next_sequence
        if number > end:
            text = f"The supplied {self.by} '{number}' is invalid: the next one will be '{end}'"
            raise Refusal(ARGUMENT_ERROR, text)
        if self.by == "offset":
            return partition.sequence_at_offset(number, inclusive=self.inclusive)
        return max(partition.first_sequence, number if self.inclusive else number + 1)
