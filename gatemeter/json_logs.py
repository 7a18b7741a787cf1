"""Log records as JSON, one object a line, for machines that collect them."""

from __future__ import annotations

import json
import logging
import re
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName", "asctime"}


class JsonFormatter(logging.Formatter):
    """Time, level, logger, message, and whatever fields the record brought."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info is not None and record.exc_info[1] is not None:
            _, error, trace = record.exc_info
            entry |= {"error": safe_message(error), "trace": frames(trace)}
        return json.dumps(entry, default=str)


def safe_message(error: BaseException) -> str:
    """An error's type and first line, without what it quotes: a library may quote a line."""
    first = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__}: {without_quotations(first)[:300]}".rstrip(": ")


def frames(trace: TracebackType | None) -> list[str]:
    """Where an error came from: file, line and function, and no values."""
    return [
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)
    ]


def without_quotations(message: str) -> str:
    """An error message of a library, without what it quotes: that may be from a line."""
    return re.sub(r"""("[^"]*"|'[^']*'|`[^`]*`|\\{.*)""", "[...]", message)
