"""What was recorded of requests, held against what the simulator billed for them."""

from __future__ import annotations

from typing import Any

import pytest

from gatemeter.simulator.ledger import QUANTITIES
from gateway_hooks.event import UsageEvent
from tests.gateway_hooks.gateway.clients.wire import Exchange


def assert_metered(gateway: Any, before: int, outside: list[Exchange]) -> list[UsageEvent]:
    """One event for each request, with exactly the usage that the simulator billed."""
    found = gateway.events_since(before, len(outside))
    events = {event.get("request_id"): event for event in found}
    assert len(events) == len(outside) == len(gateway.sink.lines) - before
    for exchange in outside:
        event = dict(events[exchange.request_id])
        assert event["status_code"] == exchange.status
        assert (event["key_name"], event["team"], event["product"]) == ("app", "shop", "all")
        assert "decisions" not in event
        (billed,) = gateway.ledger.entries(request_id=exchange.request_id) or (None,)
        if billed is None:
            assert event["usage_source"] == "none"
            continue
        for name in QUANTITIES:
            if name == "images" and "output_tokens" in event:
                continue  # told by tokens, and priced by them alone
            assert event.get(name, 0) == pytest.approx(getattr(billed.used, name)), name
    return list(found)
