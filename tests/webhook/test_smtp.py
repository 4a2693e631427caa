"""Handing mail over to real SMTP servers: plain, STARTTLS, with a login, and all that fails."""

import ssl
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from keyfuse_webhook.errors import InvalidSetting
from keyfuse_webhook.mail_sink import MailSink, free_port
from keyfuse_webhook.smtp import NotDelivered, Refused, parse_url


@pytest.fixture
def mail():
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "hello"
    message.set_content("text")
    return message


class Listener:
    """An SMTP server with TLS or a login."""

    def __init__(self):
        self.kept = []
        self.tls = []
        self.logins = []

    async def handle_DATA(self, _server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.kept.append(envelope.content)
        self.tls.append(session.ssl is not None)
        return "250 kept"

    def authenticate(self, _server, _session, _envelope, _mechanism, data):
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"p@ss:word/", handled=False)


@pytest.fixture
def certificate(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, SHA256())
    )
    file = tmp_path / "mail.pem"
    file.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


@pytest.fixture
def trusted(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return certificate


def context(certificate):
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate)
    return server


@pytest.fixture
def listen():
    running = []

    def start(**options):
        listener = Listener()
        if options.pop("login", False):
            options |= {"authenticator": listener.authenticate, "auth_required": True}
        controller = Controller(listener, hostname="127.0.0.1", port=free_port(), **options)
        controller.start()
        running.append(controller)
        return listener, controller.port

    yield start
    for controller in running:
        controller.stop()


def test_plain_server_takes_the_mail(mail):
    with MailSink() as sink:
        parse_url(sink.url).send(mail)
        assert sink.mails[0]["Subject"] == "hello"


def test_starttls_is_used_where_it_is_offered(mail, listen, certificate):
    listener, port = listen(tls_context=context(certificate))
    parse_url(f"smtp://127.0.0.1:{port}").send(mail)
    assert listener.tls == [True]


def test_required_starttls_checks_the_certificate(mail, listen, certificate):
    _, port = listen(tls_context=context(certificate))
    with pytest.raises(NotDelivered, match="SSL"):
        parse_url(f"smtp://127.0.0.1:{port}?starttls=required").send(mail)


def test_required_starttls_with_a_trusted_certificate_delivers(mail, listen, trusted):
    listener, port = listen(tls_context=context(trusted))
    parse_url(f"smtp://127.0.0.1:{port}?starttls=required").send(mail)
    assert listener.tls == [True]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_login_is_made_with_the_decoded_password(mail, listen):
    listener, port = listen(login=True, auth_require_tls=False)
    parse_url(f"smtp://user%40x:p%40ss%3Aword%2F@127.0.0.1:{port}").send(mail)
    assert listener.logins == [(b"user@x", b"p@ss:word/")]
    assert len(listener.kept) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_wrong_password_is_tried_again_and_never_shown(mail, listen):
    _, port = listen(login=True, auth_require_tls=False)
    server = parse_url(f"smtp://user:hunter2@127.0.0.1:{port}")
    with pytest.raises(NotDelivered) as caught:
        server.send(mail)
    assert "hunter2" not in str(caught.value) + repr(server)
    assert "535" in str(caught.value)


def test_server_that_is_not_there_is_tried_again(mail):
    with pytest.raises(NotDelivered, match="ConnectionRefused"):
        parse_url(f"smtp://127.0.0.1:{free_port()}").send(mail)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ("550 no", Refused),
        ("554 spam", Refused),
        ("451 later", NotDelivered),
        ("421 busy", NotDelivered),
    ],
)
def test_5xx_is_for_good_and_4xx_is_for_now(mail, reply, error):
    with MailSink(answer=lambda _: reply) as sink:
        with pytest.raises(error, match=reply[:3]):
            parse_url(sink.url).send(mail)
        assert sink.mails == []


@pytest.mark.parametrize(
    ("url", "port", "encryption"),
    [
        ("smtp://mail.example", 25, "when offered"),
        ("smtp://mail.example:2525", 2525, "when offered"),
        ("smtp://u:p@mail.example:587", 587, "starttls"),
        ("smtp://u:p@localhost", 25, "when offered"),
        ("smtp://mail.example?starttls=required", 25, "starttls"),
        ("smtps://u:p@mail.example", 465, "tls"),
    ],
)
def test_url_says_how_safely(url, port, encryption):
    server = parse_url(url)
    assert (server.port, server.encryption) == (port, encryption)


@pytest.mark.parametrize(
    "url", ["", "mail.example", "http://x", "smtp://", "smtp://x:hunter2", "smtp://[x"]
)
def test_url_that_says_nothing_is_refused_without_being_quoted(url):
    with pytest.raises(InvalidSetting, match="KEYFUSE_SMTP_URL") as caught:
        parse_url(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("user", "query"), [("", "?starttls=required"), ("u:p@", "")])
def test_a_server_that_offers_no_encryption_or_login_for_now_is_tried_again(mail, user, query):
    with MailSink() as sink, pytest.raises(NotDelivered, match="offers no"):
        parse_url(sink.url.replace("://", f"://{user}") + query).send(mail)
    assert sink.mails == []
