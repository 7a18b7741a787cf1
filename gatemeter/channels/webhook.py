"""The webhook channel: one POST.

With the standard library, because that is one request of a few hundred bytes now and then: it knows
TLS, proxies and time limits, and the installation that runs alerts has no other HTTP client.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final

from analytics.alerts import DeliveryFailed
from gatemeter.channels.formats import body_of

if TYPE_CHECKING:
    from analytics.alerts import Message
    from gatemeter.channels.settings import WebhookSettings

_MOST_READ: Final = 65_536


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A POST that is sent elsewhere would arrive there as a GET, without what it says."""

    def redirect_request(self, *_args: object, **_more: object) -> None:
        """Follow none: the answer counts as a failure."""


class WebhookChannel:
    """Posts messages to one address."""

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings
        self._opener = urllib.request.build_opener(_NoRedirects)

    def send(self, message: Message) -> None:
        """POST it; any answer 2xx is a success.

        Raises:
            DeliveryFailed: another answer or none; the reason never quotes the address.
        """
        settings = self._settings
        try:
            request = urllib.request.Request(  # noqa: S310 - the settings take http and https only
                settings.url.get_secret_value(),
                data=body_of(message, settings.format),
                headers={
                    "Content-Type": "application/json",
                    "User-Agent": "gatemeter",
                    "Idempotency-Key": message.alert_id,
                    **{name: value.get_secret_value() for name, value in settings.headers.items()},
                },
                method="POST",
            )
            with self._opener.open(request, timeout=settings.timeout_seconds) as answer:
                answer.read(_MOST_READ)
        except urllib.error.HTTPError as error:
            error.close()
            raise DeliveryFailed(f"the address answered {error.code}") from None
        except urllib.error.URLError as error:
            raise DeliveryFailed(f"no connection: {_reason(error.reason)}") from None
        except OSError as error:
            raise DeliveryFailed(f"no answer: {_reason(error)}") from None
        except (http.client.HTTPException, ValueError) as error:
            raise DeliveryFailed(f"no HTTP answer ({type(error).__name__})") from None


def _reason(error: object) -> str:
    """What the system said; only errors of the system, whose texts quote no address."""
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
