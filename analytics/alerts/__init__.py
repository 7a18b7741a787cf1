"""Alerts: what people should know, found in the store and handed over once."""

from analytics.alerts.alert import Alert, Channel, DeliveryFailed, Message
from analytics.alerts.deliveries import history
from analytics.alerts.rules import AlertRules
from analytics.alerts.run import Outcome, Round, Watch, new_alerts, run_round

__all__ = [
    "Alert",
    "AlertRules",
    "Channel",
    "DeliveryFailed",
    "Message",
    "Outcome",
    "Round",
    "Watch",
    "history",
    "new_alerts",
    "run_round",
]
