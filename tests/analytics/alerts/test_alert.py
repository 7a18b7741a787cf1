"""What an alert says, and what makes it the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from analytics.alerts import Message
from tests.analytics.alerts.samples import alert

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


def test_an_id_is_the_same_wherever_it_is_made() -> None:
    """Two processes that find one alert call it the same; the text may differ by then."""
    first, later = alert(text="80.1 %"), alert(text="83 %")
    assert first.alert_id == later.alert_id == "a_1742de24e842bf45d29c7e78"


def test_another_period_or_threshold_is_another_alert() -> None:
    """Next month it is news again."""
    ids = {
        alert().alert_id,
        alert(period="2026-12").alert_id,
        alert(threshold="100").alert_id,
        alert("other").alert_id,
    }
    assert len(ids) == 4


def test_a_payload_is_read_back() -> None:
    """What was kept for a retry is what is sent."""
    made = alert()
    payload = made.payload(AT)
    message = Message.read(payload)
    assert (message.alert_id, message.title, message.payload) == (
        made.alert_id,
        made.title,
        payload,
    )
    assert json.loads(payload)["raised_at"] == "2026-11-20T09:00:00+00:00"
