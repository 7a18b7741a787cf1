"""What the receivers of webhooks are sent."""

from __future__ import annotations

import json
from typing import Any

from gatemeter.channels.formats import Format, body_of
from tests.gatemeter.channels.samples import message


def body(form: Format, **fields: Any) -> Any:
    """The body as a program reads it."""
    return json.loads(body_of(message(**fields), form))


def test_json_is_the_whole_alert_with_exact_amounts() -> None:
    """A program gets everything, money as text to the last digit."""
    said = body("json")
    assert said["version"] == 1
    assert said["id"] == message().alert_id
    assert said["facts"]["used"] == "85.000000000000000001"
    assert said["kind"] == "budget"


def test_slack_gets_a_text_and_blocks() -> None:
    """`text` is what the notification shows; blocks say the rest, within Slack's limits."""
    said = body("slack", title="T" * 400, text="x" * 5000)
    header, section, fields, context = said["blocks"]
    assert header["type"] == "header"
    assert len(header["text"]["text"]) == 150
    assert len(section["text"]["text"]) == 3000
    assert fields["fields"] == [{"type": "mrkdwn", "text": "*used*\n85.000000000000000001"}]
    assert context["elements"][0]["text"] == message().alert_id
    assert said["text"] == "T" * 400


def test_a_name_cannot_call_a_slack_channel() -> None:
    """Whoever names a key must not be able to notify everybody, or to make up links."""
    said = body("slack", text="key <!channel> & <https://x.example|here>", title="<!here>")
    assert "<" not in json.dumps(said["blocks"][1])
    assert said["blocks"][1]["text"]["text"].startswith("key &lt;!channel&gt; &amp; ")
    assert said["text"] == "&lt;!here&gt;"


def test_slack_takes_no_empty_fields() -> None:
    """A section without fields would be refused."""
    assert [block["type"] for block in body("slack", facts={})["blocks"]] == [
        "header",
        "section",
        "context",
    ]


def test_teams_gets_one_adaptive_card() -> None:
    """The shape that the Workflows webhook posts into a channel."""
    said = body("teams")
    assert said["type"] == "message"
    (attachment,) = said["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert [part["type"] for part in card["body"]] == [
        "TextBlock",
        "TextBlock",
        "FactSet",
        "TextBlock",
    ]
    assert card["body"][2]["facts"] == [{"title": "used", "value": "85.000000000000000001"}]
