"""What the demo shows while it runs, and at its end. Everything but a JSON report is on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from gatemeter.demo.seen import ClientBooks
    from gatemeter.demo.verdict import StoredBooks


class Screen:
    """One line that changes, on a terminal; only the lines that stay, elsewhere."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status("starting")
        self._moves = self._console.is_terminal

    def __enter__(self) -> Self:
        if self._moves:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._status.stop()

    def say(self, line: str) -> None:
        """A line that stays."""
        self._console.print(line, soft_wrap=True)

    def doing(self, what: str) -> None:
        """What goes on now."""
        self._status.update(what)

    def progress(self, client: ClientBooks, stored: StoredBooks) -> None:
        """How far both books are."""
        self.doing(
            f"{client.requests:,} requests sent, {stored.events_stored:,} events stored, "
            f"{stored.throttled_attempts:,} throttled attempts, {stored.spend_usd:.4f} USD"
        )


def table_of(report: dict[str, Any]) -> Table:
    """The report for people: one line an operation, the clients' figures beside the store's."""
    table = Table(title="What the clients saw / what the store holds", title_justify="left")
    for name in ("operation", "requests", "input tokens", "output tokens", "other"):
        table.add_column(name, justify="left" if name == "operation" else "right")
    for operation, sides in report["by_operation"].items():
        table.add_row(
            operation,
            _pair(sides["requests"], sides["events"]),
            _pair(sides["client_input_tokens"], sides["stored_input_tokens"]),
            _pair(sides["client_output_tokens"], sides["stored_output_tokens"]),
            ", ".join(
                f"{_pair(sides[f'client_{name}'], sides[f'stored_{name}'])} {words}"
                for name, words in (
                    ("images", "images"),
                    ("characters", "characters"),
                    ("audio_seconds", "seconds"),
                )
                if sides[f"client_{name}"] or sides[f"stored_{name}"]
            ),
        )
    return table


def _pair(ours: float, theirs: float) -> str:
    if ours == theirs:
        return f"{ours:,.10g}" if ours else "-"
    return f"[bold red]{ours:,.10g} / {theirs:,.10g}[/]"


def closing_line(report: dict[str, Any]) -> str:
    """The end in a sentence."""
    if report["agree"]:
        return (
            f"Clients and store agree on all {report['events_stored']:,} requests: "
            f"{report['stored_input_tokens']:,} input tokens, "
            f"{report['stored_output_tokens']:,} output tokens, "
            f"{float(report['spend_usd']):.4f} USD, "
            f"{report['throttled_attempts']:,} throttled attempts."
        )
    return "Clients and store do NOT agree: " + "; ".join(report["differences"])
