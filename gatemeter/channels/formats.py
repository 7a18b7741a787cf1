"""The same message as our own JSON, as Slack's blocks, and as an Adaptive Card for Teams."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from analytics.alerts import Message

Format = Literal["json", "slack", "teams"]
_SLACK_TITLE: Final = 150
_SLACK_TEXT: Final = 3000
_SLACK_FACTS: Final = 10
_SLACK_FACT: Final = 2000


def body_of(message: Message, form: Format) -> bytes:
    """The body of a POST."""
    return _FORMATS[form](message).encode()


def _slack(message: Message) -> str:
    """An incoming webhook's message: `text` for the notification, blocks for the channel."""
    fields = [
        {"type": "mrkdwn", "text": _cut(f"*{_escaped(name)}*\n{_escaped(value)}", _SLACK_FACT)}
        for name, value in _facts(message).items()
    ]
    blocks: list[dict[str, object]] = [
        {
            "type": "header",
            "text": {"type": "plain_text", "text": _cut(message.title, _SLACK_TITLE)},
        },
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": _cut(_escaped(message.text), _SLACK_TEXT)},
        },
    ]
    if fields:
        blocks.append({"type": "section", "fields": fields[:_SLACK_FACTS]})
    blocks.append(
        {"type": "context", "elements": [{"type": "plain_text", "text": message.alert_id}]}
    )
    return json.dumps({"text": _escaped(message.title), "blocks": blocks})


def _teams(message: Message) -> str:
    """What the Workflows webhook of Teams takes: a message with one Adaptive Card."""
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "size": "Medium", "weight": "Bolder", "wrap": True,
             "text": message.title},
            {"type": "TextBlock", "wrap": True, "text": message.text},
            {"type": "FactSet", "facts": [
                {"title": name, "value": value} for name, value in _facts(message).items()
            ]},
            {"type": "TextBlock", "isSubtle": True, "size": "Small", "text": message.alert_id},
        ],
    }  # fmt: skip
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return json.dumps({"type": "message", "attachments": [attachment]})


def _json(message: Message) -> str:
    return message.payload


def _facts(message: Message) -> Mapping[str, str]:
    return {name.replace("_", " "): value for name, value in message.facts.items() if value}


def _escaped(text: str) -> str:
    """Slack reads these three as markup; a key's name must not call a channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


_FORMATS: Final[Mapping[Format, Callable[[Message], str]]] = {
    "json": _json,
    "slack": _slack,
    "teams": _teams,
}
