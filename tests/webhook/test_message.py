"""The words of the mail: complete, on one line where foreign, and without any secret."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_webhook.message import LeakedKey, Place, compose, one_line
from support.keys import make_key

SEEN = datetime(2026, 11, 23, 14, 5, 1, tzinfo=UTC)
DIED = datetime(2026, 11, 23, 14, 5, 2, tzinfo=UTC)
URL = "https://github.com/acme/app/blob/1234/settings.toml"


def leaked(**changes):
    facts = {
        "key_id": "3uGk0aXb2Q",
        "prefix": "acme_live",
        "name": "ci",
        "owner": "owner@example.com",
        "scopes": ("invoices:read", "invoices:write"),
        "first_seen": SEEN,
        "died": DIED,
        "action": "revoke",
        "places": (Place("github", "commit", URL),),
    }
    return LeakedKey(**facts | changes)


def write(*keys):
    return compose(
        keys,
        sender="keyfuse@example.com",
        recipient="owner@example.com",
        message_id="<notify-1@keyfuse>",
        now=DIED,
    )


def test_mail_names_key_place_times_and_the_exact_command():
    mail = write(leaked())
    text = mail.get_content()
    for fact in [
        "3uGk0aXb2Q",
        "acme_live",
        "ci",
        "invoices:read, invoices:write",
        URL,
        "commit, reported by github",
        "2026-11-23 14:05:01 UTC (by us)",
        "revoked at 2026-11-23 14:05:02 UTC",
        (
            "keyfuse keys issue --prefix acme_live --owner owner@example.com --name ci "
            "--scope invoices:read --scope invoices:write"
        ),
    ]:
        assert fact in text
    assert mail["Message-ID"] == "<notify-1@keyfuse>"
    assert mail["To"] == "owner@example.com"
    assert mail["Subject"] == "API key ci (acme_live, 3uGk0aXb2Q) leaked and was revoked"


def test_several_keys_are_one_mail():
    mail = write(leaked(), leaked(key_id="ABCDEFGHIJ", name="deploy"))
    assert mail["Subject"] == "2 of your API keys leaked"
    assert "3uGk0aXb2Q" in mail.get_content()
    assert "ABCDEFGHIJ" in mail.get_content()


def test_key_that_still_works_is_said_to_work_and_how_to_end_it():
    text = write(leaked(died=None, action="notify")).get_content()
    assert "still valid" in text
    assert "keyfuse keys revoke 3uGk0aXb2Q" in text


def test_quarantined_key_is_said_to_be_restricted():
    mail = write(leaked(died=None, action="quarantine"))
    assert mail["Subject"].endswith("leaked and was restricted")
    assert "quarantine scopes" in mail.get_content()


def test_place_without_address_says_so():
    text = write(leaked(places=(Place("github", None, None),))).get_content()
    assert "no address was given (unknown place, reported by github)" in text


@pytest.mark.parametrize(
    "evil", ["a\nBcc: all@example.com", "a\r\nSubject: x", "a\x1b[2J", "a\u202eb"]
)
def test_foreign_text_stays_on_its_line(evil):
    mail = write(leaked(name=evil, places=(Place("github", evil, evil),)))
    assert "\n" not in mail["Subject"]
    assert mail["Bcc"] is None
    assert evil not in mail.get_content()
    assert "\x1b" not in mail.as_string()


def test_command_is_quoted_for_the_shell():
    assert "--name '$(reboot); echo'" in write(leaked(name="$(reboot); echo")).get_content()


def test_secret_in_any_foreign_text_is_cut_out():
    token = make_key().reveal()
    places = (Place("github", token, f"https://example.com/?q={token}"),)
    raw = write(leaked(name=token, scopes=(token,), places=places)).as_string()
    assert token[-20:] not in raw.replace("=\n", "")


@given(st.text())
def test_one_line_is_one_line_of_bounded_length(text):
    line = one_line(text, 50)
    assert len(line.splitlines()) <= 1
    assert len(line) <= 51
    assert line.isprintable()


@given(st.text(min_size=1), st.text(), st.text())
def test_any_foreign_text_makes_a_mail_that_can_be_sent(name, source, url):
    mail = write(leaked(name=name, places=(Place("github", source, url),)))
    assert mail.as_bytes()
