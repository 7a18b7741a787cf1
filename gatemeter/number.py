"""Options that are numbers: `nan` and `inf` are none, though Python reads them as such."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click import Context, Parameter


class Number(click.FloatRange):
    """A finite number within bounds."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click calls it
        param: Parameter | None,
        ctx: Context | None,
    ) -> float:
        """Read it as click does, and refuse what cannot be counted with."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number to count with.", param, ctx)
        return number
