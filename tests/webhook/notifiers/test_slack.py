"""Slack: within its limits, and nothing of others is markup."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_webhook.jobs_model import TryAgain
from keyfuse_webhook.message import Place
from keyfuse_webhook.notifiers.slack import compose, escape
from support.notices import EVIL, leaked, notice


def sections(message):
    return [block["text"] for block in message["blocks"]]


def test_blocks_are_plain_text_within_the_limits_of_slack():
    keys = [leaked(key_id=f"KEY{n:07d}", scopes=("s:" + "x" * 100,) * 90) for n in range(100)]
    message = compose(notice(*keys))
    assert len(message["blocks"]) <= 50
    for text in sections(message):
        assert text["type"] == "plain_text"
        assert len(text["text"]) <= 3000
    assert len(sections(message)[0]["text"]) <= 150
    assert "80 more" in sections(message)[-1]["text"]


def test_short_text_holds_no_markup_link_or_mention():
    message = compose(notice(leaked(name=EVIL, places=(Place("github", EVIL, EVIL),))))
    assert not re.search(r"[<>]|(?<!\u200b)[*_~`@#]", message["text"])
    assert "&lt;!channel&gt;" in message["text"]
    assert message["unfurl_links"] is False


@given(st.text())
def test_escaped_text_has_no_character_that_acts(text):
    escaped = escape(text)
    assert not re.search(r"[<>]|(?<!\u200b)[*_~`@#|]", escaped)
    assert re.sub(r"&(amp|lt|gt);", "", escaped).count("&") == 0


def test_slack_is_asked_as_it_asked_to_be(slack, http):
    http.answer = lambda _: (429, {"Retry-After": "7"})
    with pytest.raises(TryAgain) as refused:
        slack.notifier.deliver(notice())
    assert refused.value.after == 7
    assert json.loads(http.posted[0].body)["text"]
    assert http.posted[0].headers["content-type"] == "application/json"


def test_redirect_is_not_followed(slack, http):
    http.answer = lambda _: (302, {"Location": http.url + "/elsewhere"})
    assert "redirects" in slack.notifier.deliver(notice()).reason
    assert len(http.posted) == 1
