"""Metering of realtime sessions: one event for each response, whoever relays the WebSocket."""

from gateway_hooks.realtime.metering import SESSION, meter_session
from gateway_hooks.realtime.session import RealtimeSession

__all__ = ["SESSION", "RealtimeSession", "meter_session"]
