"""The mail: two forms of the same words, and whoever answers for lost owners."""

from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_webhook.mail_sink import MailSink
from keyfuse_webhook.message import Place
from keyfuse_webhook.notifiers.mail import compose
from support.notices import EVIL, URL, leaked, notice
from support.webhook import text_of

FALLBACK = "security@acme.example"


def write(*keys, **changes) -> EmailMessage:
    return compose(
        notice(*keys, **changes), sender="keyfuse <k@acme.example>", recipient="o@example.com"
    )


class Page(HTMLParser):
    """The text of a page, its links, and the names of its elements."""

    def __init__(self, page):
        super().__init__()
        self.text, self.links, self.names = "", [], set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.links += [value for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data):
        self.text += data


def page_of(mail):
    return Page(mail.get_body(("html",)).get_content())


def test_headers_say_what_it_is_and_whose_it_is():
    mail = write()
    assert mail["Message-ID"] == "<notify-rcpt_1-own_1@acme.example>"
    assert (mail["To"], mail["From"]) == ("o@example.com", "keyfuse <k@acme.example>")
    assert mail["Subject"] == "API key ci (acme_live, 3uGk0aXb2Q) leaked and was revoked"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"]


def test_both_forms_say_the_same():
    mail = write(leaked(), leaked(key_id="ABCDEFGHIJ", name="deploy"))
    text, page = text_of(mail), page_of(mail).text
    for fact in ["3uGk0aXb2Q", "ABCDEFGHIJ", "deploy", "What to do now", "--scope invoices:read"]:
        assert fact in text
        assert fact in page
    assert mail["Subject"] == "2 of your API keys leaked"


def test_page_links_to_where_it_leaked_and_to_nothing_else():
    assert page_of(write()).links == [URL]
    others = [Place("github", "x", "http://plain.example/"), Place("r", "x", URL, verified=False),
              Place("github", "x", "javascript:alert(1)"), Place("github", "x", None)]  # fmt: skip
    assert page_of(write(leaked(places=tuple(others)))).links == []


def test_hostile_text_is_text_in_both_forms():
    mail = write(leaked(name=EVIL, places=(Place(EVIL, EVIL, f"https://{EVIL}"),)))
    assert mail["Bcc"] is None
    assert "\n" not in mail["Subject"]
    page = page_of(mail)
    assert "script" not in page.names
    assert "<script>" in page.text


@given(st.text(), st.text())
def test_page_has_the_same_elements_whatever_the_names(name, url):
    usual = page_of(write(leaked(name="x", places=(Place("github", "x", "y"),)))).names
    page = page_of(write(leaked(name=name, places=(Place("github", "x", url),))))
    assert page.names - {"a"} == usual
    assert page.text.count("3uGk0aXb2Q") >= 1


@pytest.fixture
def with_fallback(open_one):
    with MailSink() as sink:
        yield (
            open_one("mail", KEYFUSE_SMTP_URL=sink.url, KEYFUSE_FALLBACK_OWNER=FALLBACK),
            sink,
        )


def test_owner_whose_address_is_refused_is_told_of_at_the_fallback_address(with_fallback):
    notifier, sink = with_fallback
    sink.answer = lambda envelope: (
        "250 kept" if envelope.rcpt_tos == [FALLBACK] else "550 no such user"
    )
    outcome = notifier.deliver(notice())
    assert (outcome.state, sink.mails[0]["To"]) == ("done", FALLBACK)
    assert "550" in outcome.reason


def test_fallback_that_is_refused_too_leaves_it_undeliverable(with_fallback):
    notifier, sink = with_fallback
    sink.answer = lambda _: "550 nobody"
    assert notifier.deliver(notice()).state == "undeliverable"
    assert notifier.deliver(notice(address=FALLBACK)).state == "undeliverable"
