"""What tests of the hub as a source share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from gateway_hooks.event_hubs import HubAddress
from ingest.clock import SystemClock
from ingest.event_hubs import EventHubsSource, LoneOwner
from ingest.feeds import FeedReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gatemeter.emulator import Emulator
    from ingest.event_hubs import HubLimits


class OpenSource(Protocol):
    """Opens the hub of a test as a source."""

    def __call__(
        self, ledger: Callable[[], Mapping[str, int]] = ..., limits: HubLimits | None = ...
    ) -> EventHubsSource:
        """A source over what `ledger` says, closed when the test ends."""


@pytest.fixture
def open_source(hub: Emulator) -> Iterator[OpenSource]:
    """Opens sources over the emulated hub, each as the only consumer."""
    address = HubAddress.parse(hub.connection_string)
    made: list[EventHubsSource] = []

    async def owners() -> LoneOwner:
        return LoneOwner()

    def make(
        ledger: Callable[[], Mapping[str, int]] = dict, limits: HubLimits | None = None
    ) -> EventHubsSource:
        made.append(
            EventHubsSource(
                "hub",
                connect=lambda store: address.consumer("$Default", store, balance_seconds=0.5),
                owners=owners,
                ledger=ledger,
                feeds=FeedReader.of(salt=b"salt" * 8, gateway="test"),
                clock=SystemClock(),
                limits=limits,
            )
        )
        return made[-1]

    yield make
    for source in made:
        source.close()
