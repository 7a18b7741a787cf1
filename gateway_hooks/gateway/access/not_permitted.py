"""The refusals of permissions, in Azure's form."""

from __future__ import annotations

from typing import Final

from gateway_hooks.gateway.access.denied import Denied
from gateway_hooks.gateway.refusals import refusal

POLICY: Final = "permissions"


def unknown_product() -> Denied:
    """The caller has no product, or one that the settings do not have."""
    message = (
        "Access denied: the product of your key or token is not set up in this gateway. Ask "
        "whoever runs it."
    )
    return Denied(POLICY, "unknown_product", refusal(403, "403", message))


def deployment() -> Denied:
    """The product may not call what is asked for."""
    message = (
        "Access denied: your key or token is not permitted to call this deployment or model. Name "
        "one that your product has."
    )
    return Denied(POLICY, "deployment", refusal(403, "403", message))


def operation() -> Denied:
    """The product may not call what names no deployment."""
    message = (
        "Access denied: your key or token is not permitted to call operations that name no "
        "deployment or model."
    )
    return Denied(POLICY, "operation", refusal(403, "403", message))


def ambiguous_path() -> Denied:
    """Readers could differ about the path."""
    message = (
        "The request's path can be read in more than one way. Send it without escapes or dots."
    )
    return Denied(POLICY, "ambiguous_path", refusal(400, "BadRequest", message))


def ambiguous_body(message: str) -> Denied:
    """Readers could differ about the body."""
    return Denied(POLICY, "ambiguous_body", refusal(400, "BadRequest", message))


def too_long() -> Denied:
    """The body is longer than what is kept, so the model in it cannot be seen."""
    message = (
        "The request body is too long for the model in it to be checked. Name the deployment in "
        "the path."
    )
    return Denied(POLICY, "too_long", refusal(413, "413", message))


def not_found(reason: str) -> Denied:
    """Somebody else's item, or nobody's: the caller cannot tell which."""
    message = "The response, conversation or operation was not found."
    answer = refusal(404, "404", message, type="invalid_request_error", param=None)
    return Denied(POLICY, reason, answer)
