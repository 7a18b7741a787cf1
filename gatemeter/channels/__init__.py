"""Channels: how alerts leave gatemeter. Each takes a message or says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatemeter.channels.command import CommandChannel
from gatemeter.channels.settings import (
    ChannelSettings,
    CommandSettings,
    SmtpSettings,
    WebhookSettings,
)
from gatemeter.channels.smtp import SmtpChannel
from gatemeter.channels.webhook import WebhookChannel

if TYPE_CHECKING:
    from analytics.alerts import Channel


def channel(settings: ChannelSettings) -> Channel:
    """The channel that the settings describe."""
    match settings:
        case WebhookSettings():
            return WebhookChannel(settings)
        case SmtpSettings():
            return SmtpChannel(settings)
        case CommandSettings():
            return CommandChannel(settings)


__all__ = [
    "ChannelSettings",
    "CommandChannel",
    "CommandSettings",
    "SmtpChannel",
    "SmtpSettings",
    "WebhookChannel",
    "WebhookSettings",
    "channel",
]
