"""Azure AI Content Safety as a policy of the gateway: prompts before the call, answers if wanted.

See `policy.py` for how it is composed and docs/gateway-content-safety.md for what it checks.
"""

from gateway_hooks.gateway.content_safety.policy import ContentSafety
from gateway_hooks.gateway.content_safety.service import SafetyService
from gateway_hooks.gateway.content_safety.settings import ContentSafetySettings

__all__ = ["ContentSafety", "ContentSafetySettings", "SafetyService"]
