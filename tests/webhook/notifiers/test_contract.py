"""What every notifier does, whatever it talks to."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyfuse_webhook.errors import InvalidSetting
from keyfuse_webhook.jobs_model import Outcome, TryAgain
from keyfuse_webhook.message import Place
from keyfuse_webhook.notifiers import NOTIFIERS, open_notifiers
from support.hunt import holds_key
from support.keys import make_key
from support.notices import EVIL, URL, leaked, notice


def test_notice_is_delivered_with_what_the_owner_needs(target):
    assert target.notifier.deliver(notice()) == Outcome("done")
    (text,) = target.received()
    for fact in ["3uGk0aXb2Q", "acme_live", URL, "owner@example.com"]:
        assert fact in text


def test_every_key_of_a_delivery_is_in_one_message(target):
    keys = [leaked(key_id=f"KEY{number:07d}") for number in range(12)]
    target.notifier.deliver(notice(*keys))
    (text,) = target.received()
    assert all(key.key_id in text for key in keys)


def test_trouble_that_passes_is_tried_again_and_trouble_that_stays_is_not(target):
    target.fail(True)
    with pytest.raises(TryAgain):
        target.notifier.deliver(notice())
    target.fail(False)
    outcome = target.notifier.deliver(notice())
    assert outcome.state == "undeliverable"
    assert outcome.reason
    target.fail(None)
    assert target.notifier.deliver(notice()).state == "done"
    assert len(target.received()) == 1


def test_reason_names_no_address_that_is_a_credential(target):
    target.fail(False)
    assert "secret" not in target.notifier.deliver(notice()).reason


def test_no_key_leaves_in_any_text_of_others(target):
    token = make_key().reveal()
    place = Place("github", token, f"https://example.com/?q={token}")
    target.notifier.deliver(notice(leaked(name=token, scopes=(token,), places=(place,))))
    (text,) = target.received()
    assert not holds_key(text.encode())


def test_words_of_a_stranger_are_not_repeated(target):
    place = Place("report", "visit e.example", "https://phish.example/", verified=False)
    target.notifier.deliver(notice(leaked(places=(place,))))
    (text,) = target.received()
    assert "phish" not in text
    assert "e.example" not in text
    assert "leak_0123456789abcdef" in text


def test_hostile_names_act_on_nobody(target):
    key = leaked(name=EVIL, places=(Place(EVIL, EVIL, EVIL),), scopes=(EVIL,))
    target.notifier.deliver(notice(key))
    (text,) = target.received()
    for acting in ["\x1b", "\u202e", "\r\nBcc"]:
        assert acting not in text


def test_thousand_keys_are_one_message_of_bounded_size(target):
    keys = [leaked(key_id=f"KEY{number:07d}", name="n" * 120) for number in range(1000)]
    target.notifier.deliver(notice(*keys))
    (text,) = target.received()
    assert "KEY0000000" in text
    assert len(text) < 1_000_000


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1), st.text(), st.text())
def test_any_text_of_others_can_be_delivered(target, name, source, url):
    before = len(target.received())
    one = notice(leaked(name=name, places=(Place("github", source, url),)), id=f"n-{before}")
    assert target.notifier.deliver(one).state == "done"
    assert len(target.received()) == before + 1


def test_nothing_is_opened_that_is_not_set(settings):
    assert open_notifiers(settings()) == {}


def test_address_that_answers_nothing_is_tried_again(open_one):
    opened = {
        "mail": open_one("mail", KEYFUSE_SMTP_URL="smtp://127.0.0.1:1"),
        "slack": open_one("slack", KEYFUSE_SLACK_WEBHOOK_URL="http://127.0.0.1:1/"),
    }
    for notifier in opened.values():
        with pytest.raises(TryAgain):
            notifier.deliver(notice())


@pytest.mark.parametrize(
    ("name", "environ", "message"),
    [
        ("webhook", {"KEYFUSE_NOTIFY_WEBHOOK_URL": "https://x.example"}, "WEBHOOK_SECRET"),
        (
            "webhook",
            {"KEYFUSE_NOTIFY_WEBHOOK_URL": "https://x.example",
             "KEYFUSE_NOTIFY_WEBHOOK_SECRET": "whsec_c2hvcnQ="},
            "24 to 64",
        ),
        (
            "webhook",
            {"KEYFUSE_NOTIFY_WEBHOOK_URL": "https://x.example",
             "KEYFUSE_NOTIFY_WEBHOOK_SECRET": "not base64 at all"},
            "whsec_",
        ),
        ("github-issue", {"KEYFUSE_NOTIFY_GITHUB_REPOSITORY": "acme/app"}, "GitHub App"),
        ("github-issue", {"KEYFUSE_NOTIFY_GITHUB_REPOSITORY": "no name"}, "owner/name"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_said_before_anything_leaks(open_one, name, environ, message):
    with pytest.raises(InvalidSetting, match=message):
        open_one(name, **environ)
    assert name in NOTIFIERS
