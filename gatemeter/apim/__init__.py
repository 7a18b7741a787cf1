"""What gatemeter brings for Azure API Management: a policy that sends our usage event."""

from gatemeter.apim.policy import policy

__all__ = ["policy"]
