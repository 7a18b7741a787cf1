"""A currency on the command line."""

from __future__ import annotations

import click

from gatemeter.iso4217 import currency_code


class CurrencyCode(click.ParamType[str]):
    """A code of ISO 4217, in either case; unless `known`, also one that is no longer used."""

    name = "CODE"

    def __init__(self, *, known: bool = True) -> None:
        self._known = known

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Read one."""
        try:
            return currency_code(str(value)) if self._known else str(value).strip().upper()
        except ValueError as error:
            self.fail(str(error), param, ctx)
