"""The mail channel, against a real SMTP server."""

from __future__ import annotations

import contextlib
import email
import shutil
import socket
import ssl
import subprocess
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from analytics.alerts import DeliveryFailed
from gatemeter.channels import SmtpChannel, SmtpSettings
from tests.gatemeter.channels.samples import message
from tests.servers import missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Mailbox:
    """What the server took, and what it refuses."""

    mails: list[EmailMessage] = field(default_factory=list)
    receivers: list[list[str]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    answer: str = "250 taken"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Take or refuse a receiver."""
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take the mail, or answer as told."""
        if self.answer.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            mail = email.message_from_bytes(content, policy=default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.receivers.append(envelope.rcpt_tos)
        return self.answer


def _let_in(
    _server: SMTP, _session: Session, _envelope: Envelope, _how: str, who: object
) -> AuthResult:
    good = isinstance(who, LoginPassword) and (who.login, who.password) == (b"gm", b"s3cr3t")
    return AuthResult(success=good)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of localhost that signs itself, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("openssl", "apt-get install openssl")
    folder = tmp_path_factory.mktemp("tls")
    paths = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-out", paths[0], "-keyout", paths[1]],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return paths


@pytest.fixture
def mailbox() -> Mailbox:
    """An empty one."""
    return Mailbox()


@pytest.fixture
def plain(mailbox: Mailbox) -> Iterator[int]:
    """The port of a server without TLS."""
    with _serving(Controller(mailbox, hostname="127.0.0.1", port=_free_port())) as port:
        yield port


@pytest.fixture
def secure(mailbox: Mailbox, certificate: tuple[Path, Path]) -> Iterator[int]:
    """The port of a server that asks for STARTTLS and a login."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    controller = Controller(
        mailbox, hostname="localhost", port=_free_port(), tls_context=context,
        require_starttls=True, auth_required=True, authenticator=_let_in,
    )  # fmt: skip
    with _serving(controller) as port:
        yield port


@contextlib.contextmanager
def _serving(controller: Controller) -> Iterator[int]:
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def channel(port: int, **fields: Any) -> SmtpChannel:
    """The channel that hands mails to that port."""
    made = {
        "name": "mail", "type": "smtp", "host": "localhost", "port": port, "security": "none",
        "sender": "gatemeter@example.com", "to": ["finops@example.com", "sre@example.com"],
    }  # fmt: skip
    return SmtpChannel(SmtpSettings.model_validate({**made, **fields}))


def test_a_mail_arrives_at_every_receiver(plain: int, mailbox: Mailbox) -> None:
    """Subject, text, facts and an id that is the same at each attempt."""
    for _ in range(2):
        channel(plain, host="127.0.0.1").send(message())
    first, second = mailbox.mails
    assert mailbox.receivers[0] == ["finops@example.com", "sre@example.com"]
    assert first["Subject"] == "Budget all: 85 % used"
    assert first["Message-ID"] == second["Message-ID"] == f"<{message().alert_id}@gatemeter>"
    assert first["Auto-Submitted"] == "auto-generated"
    text = first.get_content()
    assert "85.00 USD of 100.00 USD are used" in text
    assert "used: 85.000000000000000001" in text


def test_names_cannot_add_headers(plain: int, mailbox: Mailbox) -> None:
    """A budget whose name has a line break stays one subject, also in other scripts."""
    title = "Budget Größe\r\nBcc: thief@example.com"
    channel(plain, host="127.0.0.1").send(message(title=title))
    (mail,) = mailbox.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Budget Größe Bcc: thief@example.com"
    assert mailbox.receivers == [["finops@example.com", "sre@example.com"]]


def test_tls_and_login(secure: int, mailbox: Mailbox, certificate: tuple[Path, Path]) -> None:
    """STARTTLS with a certificate of one's own, then a login."""
    channel(
        secure, security="starttls", ca_file=certificate[0], username="gm", password="s3cr3t"
    ).send(message())
    assert len(mailbox.mails) == 1


def test_a_wrong_password_is_not_quoted(
    secure: int, mailbox: Mailbox, certificate: tuple[Path, Path]
) -> None:
    """The reason says what to look at, and no more."""
    with pytest.raises(DeliveryFailed) as caught:
        channel(
            secure, security="starttls", ca_file=certificate[0], username="gm", password="wr0ng"
        ).send(message())
    assert str(caught.value) == "the mail server refused the login"
    assert not mailbox.mails


def test_a_certificate_that_nobody_vouches_for_is_refused(secure: int, mailbox: Mailbox) -> None:
    """Passwords do not go to whoever answers."""
    with pytest.raises(DeliveryFailed, match="no connection to the mail server"):
        channel(secure, security="starttls", username="gm", password="s3cr3t").send(message())
    assert not mailbox.mails


def test_refusals_are_failures(plain: int, mailbox: Mailbox) -> None:
    """A mail that the server does not take, for one receiver or for all, is tried again."""
    mailbox.answer = "451 try later"
    with pytest.raises(DeliveryFailed, match="answered 451"):
        channel(plain, host="127.0.0.1").send(message())
    mailbox.answer, mailbox.refused = "250 taken", {"finops@example.com", "sre@example.com"}
    with pytest.raises(DeliveryFailed, match=r"refused every receiver \(550\)"):
        channel(plain, host="127.0.0.1").send(message())
    mailbox.refused = {"sre@example.com"}
    with pytest.raises(DeliveryFailed, match="refused 1 of the receivers"):
        channel(plain, host="127.0.0.1").send(message())


def test_a_server_that_is_not_there_or_silent_is_a_failure() -> None:
    """Neither ends the round, and a silent one is not waited for for ever."""
    with pytest.raises(DeliveryFailed, match="no connection"):
        channel(_free_port(), host="127.0.0.1").send(message())
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        with pytest.raises(DeliveryFailed, match="took too long"):
            channel(port, host="127.0.0.1", timeout_seconds=0.3).send(message())
