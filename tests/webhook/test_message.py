"""The words of the mail: complete, on one line where foreign, and without any secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_webhook.message import MOST_IN_FULL, Place, one_line, plain, subject
from support.keys import make_key
from support.notices import SEEN, URL, leaked


def test_mail_names_key_place_times_and_the_exact_command():
    text = plain([leaked()])
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
    assert subject([leaked()]) == "API key ci (acme_live, 3uGk0aXb2Q) leaked and was revoked"


def test_several_keys_are_one_message():
    keys = [leaked(), leaked(key_id="ABCDEFGHIJ", name="deploy")]
    assert subject(keys) == "2 of your API keys leaked"
    assert "3uGk0aXb2Q" in plain(keys)
    assert "ABCDEFGHIJ" in plain(keys)


def test_many_keys_are_told_of_in_full_and_the_others_listed():
    keys = [leaked(key_id=f"KEY{number:07d}") for number in range(MOST_IN_FULL + 5)]
    text = plain(keys)
    assert text.count("What to do now:") == MOST_IN_FULL
    assert all(key.key_id in text for key in keys)


def test_use_between_leak_and_end_is_told_with_what_it_is_worth():
    assert "not once between the leak and its end" in plain([leaked()])
    used = plain([leaked(uses=3, last_use=SEEN)])
    assert "at most 3 times between the leak and its end, last at 2026-11-23 14:05:01 UTC" in used
    assert "at most once between the leak and now" in plain([leaked(uses=1, died=None)])


def test_date_of_a_commit_is_told_as_claimed():
    assert "claimed" not in plain([leaked()])
    assert "Leaked:     2026-11-23 14:05:01 UTC (claimed)" in plain([leaked(claimed=SEEN)])


def test_old_half_of_a_rotation_is_replaced_by_its_successor():
    text = plain([leaked(successor="SUCCESSOR0")])
    assert "Use its successor, SUCCESSOR0" in text
    assert "keys issue" not in text


def test_places_are_told_up_to_a_number_and_then_counted():
    places = tuple(Place("github", "commit", f"https://x.example/{n}") for n in range(14))
    text = plain([leaked(places=places, leak_id="leak_1")])
    assert text.count("https://x.example/") == 10
    assert "4 more: keyfuse leaks show leak_1" in text


def test_key_that_still_works_is_said_to_work_and_how_to_end_it():
    text = plain([leaked(died=None, action="notify")])
    assert "still valid" in text
    assert "keyfuse keys revoke 3uGk0aXb2Q" in text


def test_quarantined_key_is_said_to_be_restricted():
    key = leaked(died=None, action="quarantine")
    assert subject([key]).endswith("leaked and was restricted")
    assert "quarantine scopes" in plain([key])


def test_place_without_address_says_so():
    text = plain([leaked(places=(Place("github", None, None),))])
    assert "no address was given (unknown place, reported by github)" in text


@pytest.mark.parametrize(
    "evil", ["a\nBcc: all@example.com", "a\r\nSubject: x", "a\x1b[2J", "a\u202eb"]
)
def test_foreign_text_stays_on_its_line(evil):
    key = leaked(name=evil, places=(Place("github", evil, evil),))
    for text in (subject([key]), plain([key])):
        assert evil not in text
        assert "\x1b" not in text
    assert len(subject([key]).splitlines()) == 1


def test_command_is_quoted_for_the_shell():
    assert "--name '$(reboot); echo'" in plain([leaked(name="$(reboot); echo")])


def test_secret_in_any_foreign_text_is_cut_out():
    token = make_key().reveal()
    places = (Place("github", token, f"https://example.com/?q={token}"),)
    key = leaked(name=token, scopes=(token,), places=places)
    assert token[-20:] not in plain([key]) + subject([key])


@given(st.text())
def test_one_line_is_one_line_of_bounded_length(text):
    line = one_line(text, 50)
    assert len(line.splitlines()) <= 1
    assert len(line) <= 51
    assert line.isprintable()


@given(st.text(min_size=1), st.text(), st.text())
def test_foreign_text_adds_no_lines(name, source, url):
    usual = plain([leaked(name="x", places=(Place("github", "x", "x"),))])
    text = plain([leaked(name=name, places=(Place("github", source, url),))])
    assert len(text.splitlines()) == len(usual.splitlines())
