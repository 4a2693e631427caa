"""The generic webhook, read by the library of Standard Webhooks itself."""

import json
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from keyfuse_webhook.message import Place
from support.notices import SECRETS, URL, leaked, notice


@pytest.fixture
def posted(webhook, http):
    def deliver(one):
        webhook.notifier.deliver(one)
        return http.posted[-1]

    return deliver


@pytest.mark.parametrize("secret", SECRETS)
def test_each_secret_proves_what_is_posted(posted, secret):
    one = posted(notice(now=datetime.now(UTC)))
    event = Webhook(secret).verify(one.body, dict(one.headers))
    assert event["type"] == "keys.leaked"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(one.body.replace(b"ci", b"xx"), dict(one.headers))


def test_another_secret_proves_nothing(posted):
    one = posted(notice(now=datetime.now(UTC)))
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 44).verify(one.body, dict(one.headers))


def test_repetition_has_the_same_id(posted):
    first, second = posted(notice()), posted(notice())
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == "notify-rcpt_1-own_1"


def test_event_has_every_fact_under_its_own_name(posted):
    places = (Place("github", "commit", URL), Place("report", "x", "y", verified=False))
    one = posted(notice(leaked(places=places, uses=3, successor="SUCCESSOR0")))
    event = json.loads(one.body)
    assert event["timestamp"] == "2026-11-23T14:05:02Z"
    (key,) = event["data"]["keys"]
    assert event["data"]["owner"] == "owner@example.com"
    assert (key["id"], key["prefix"], key["action"]) == ("3uGk0aXb2Q", "acme_live", "revoke")
    assert (key["revoked"], key["uses_at_most"]) == ("2026-11-23T14:05:02Z", 3)
    assert key["places"] == [
        {"from": "github", "source": "commit", "url": URL, "verified": True},
        {"from": "report", "source": None, "url": None, "verified": False},
    ]
