"""Print a data frame: as a table for people, as JSON or CSV for programs.

Money is exact everywhere: in JSON a decimal is a string, because a JSON number is often read as a
binary fraction. Times are ISO 8601.
"""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

Style = Literal["table", "json", "csv"]
_WIDE: Final = 100_000
_DIGITS: Final = 6
_GAP: Final = 2
"""Between two columns of a table."""
wide_option: Final = click.option(
    "--wide", is_flag=True, help="Every column, however narrow the terminal is."
)


def print_frame(frame: pl.DataFrame, style: Style, *, first: Sequence[str] | None = None) -> None:
    """Write a data frame to stdout.

    Args:
        frame: what to print.
        style: how.
        first: of a table in a terminal, the columns to show when not all of them fit, the most
            important ones first. None: all, however long the lines are.
    """
    if style == "json":
        rows = [
            {name: for_json(value) for name, value in row.items()}
            for row in frame.iter_rows(named=True)
        ]
        click.echo(json.dumps(rows, indent=2 if sys.stdout.isatty() else None))
    elif style == "csv":
        click.echo(_csv(frame), nl=False)
    else:
        _print_table(frame, first)


def fitting(frame: pl.DataFrame, width: int, first: Sequence[str]) -> list[str]:
    """The columns of a table that is at most `width` characters wide, in their order.

    Those that `first` does not name come after those that it does; the very first always stays.
    """
    named = [name for name in first if name in frame.columns]
    chosen: list[str] = []
    left = width + _GAP
    for name in (*named, *(name for name in frame.columns if name not in named)):
        texts = (_for_people(value) for value in frame[name])
        left -= max((cell_len(text) for text in (name, *texts)), default=0) + _GAP
        if left < 0 and chosen:
            break
        chosen.append(name)
    return [name for name in frame.columns if name in chosen]


def _print_table(frame: pl.DataFrame, first: Sequence[str] | None) -> None:
    console = Console(file=sys.stdout)
    shown = frame
    if console.is_terminal and first is not None:
        shown = frame.select(fitting(frame, console.width, first))
    # Who pipes a table, or asks for all of it, wants whole lines.
    wide = Console(file=sys.stdout, width=_WIDE)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, kind in shown.schema.items():
        table.add_column(name, justify="right" if kind.is_numeric() else "left", no_wrap=True)
    for row in shown.iter_rows():
        table.add_row(*(Text(_for_people(value)) for value in row))
    wide.print(table)
    if frame.is_empty():
        click.echo("(nothing)")
    elif shown.width < frame.width:
        hidden = frame.width - shown.width
        click.echo(f"({hidden} more columns: --wide or --json)", err=True)


def _csv(frame: pl.DataFrame) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(frame.columns)
    for row in frame.iter_rows():
        values = [for_json(value) for value in row]
        writer.writerow(
            [json.dumps(value) if isinstance(value, list | dict) else value for value in values]
        )
    return text.getvalue()


def _for_people(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        text = value.strftime("%Y-%m-%d %H:%M:%S")
        return f"{text}Z" if value.tzinfo is not None else text
    if isinstance(value, Decimal):
        return f"{value.quantize(Decimal(1).scaleb(-_DIGITS)):f}"
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.4f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def for_json(value: object) -> object:
    """A value as JSON has it: decimals and times as text."""
    if isinstance(value, list):
        return [for_json(item) for item in value]
    if isinstance(value, dict):
        return {str(name): for_json(item) for name, item in value.items()}
    if isinstance(value, float) and math.isnan(value):
        return None
    return value if isinstance(value, str | int | float | None) else _as_text(value)


def _as_text(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)
