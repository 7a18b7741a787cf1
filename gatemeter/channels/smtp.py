"""The mail channel: one message to an SMTP server."""

from __future__ import annotations

import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING

from analytics.alerts import DeliveryFailed

if TYPE_CHECKING:
    from analytics.alerts import Message
    from gatemeter.channels.settings import SmtpSettings


class SmtpChannel:
    """Sends messages as mails."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings

    def send(self, message: Message) -> None:
        """Hand it to the server, for all of its receivers.

        Raises:
            DeliveryFailed: the server did not take it, or could not be reached.
        """
        mail = self._mail(message)
        try:
            with self._connected() as server:
                refused = server.send_message(mail)
        except smtplib.SMTPResponseException as error:
            # The server's text may quote what it was told; its code says enough.
            raise DeliveryFailed(f"the mail server answered {error.smtp_code}") from None
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            raise DeliveryFailed(
                f"the mail server refused every receiver ({', '.join(map(str, codes))})"
            ) from None
        except smtplib.SMTPServerDisconnected:
            raise DeliveryFailed("the mail server broke off or took too long") from None
        except smtplib.SMTPException as error:
            # Such as a login that it does not offer.
            raise DeliveryFailed(
                f"the mail server cannot do this ({type(error).__name__})"
            ) from None
        except TimeoutError:
            raise DeliveryFailed("the mail server took too long") from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise DeliveryFailed(f"no connection to the mail server: {reason}") from None
        if refused:
            raise DeliveryFailed(f"the mail server refused {len(refused)} of the receivers")

    def _mail(self, message: Message) -> EmailMessage:
        settings = self._settings
        mail = EmailMessage()
        # A name with a line break must not begin another header.
        mail["Subject"] = " ".join(message.title.split())
        mail["From"] = settings.sender
        mail["To"] = ", ".join(settings.to)
        mail["Date"] = format_datetime(datetime.now(UTC))
        # The same at each attempt: mailboxes show a repeat once.
        mail["Message-ID"] = f"<{message.alert_id}@gatemeter>"
        mail["Auto-Submitted"] = "auto-generated"
        facts = "\n".join(f"{name}: {value}" for name, value in message.facts.items() if value)
        mail.set_content(f"{message.text}\n\n{facts}\n\n{message.alert_id}\n")
        return mail

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        place, seconds = (settings.host, settings.used_port), settings.timeout_seconds
        if settings.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(*place, timeout=seconds, context=self._tls())
        else:
            server = smtplib.SMTP(*place, timeout=seconds)
        try:
            if settings.security == "starttls":
                server.starttls(context=self._tls())
            if settings.username is not None and settings.password is not None:
                _log_in(server, settings.username, settings.password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server

    def _tls(self) -> ssl.SSLContext:
        file = self._settings.ca_file
        return ssl.create_default_context(cafile=str(file) if file else None)


def _log_in(server: smtplib.SMTP, username: str, password: str) -> None:
    try:
        server.login(username, password)
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPServerDisconnected):
        # After a wrong password some servers hang up before they say so.
        raise DeliveryFailed("the mail server refused the login") from None
