"""Notices to tell of, plain and hostile."""

import base64
from datetime import UTC, datetime
from typing import Any

from keyfuse_webhook.message import LeakedKey, Place
from keyfuse_webhook.notifiers import Notice

SEEN = datetime(2026, 11, 23, 14, 5, 1, tzinfo=UTC)
DIED = datetime(2026, 11, 23, 14, 5, 2, tzinfo=UTC)
URL = "https://github.com/acme/app/blob/1234/settings.toml"
# What a generic webhook is signed with.
SECRETS = [f"whsec_{base64.b64encode(bytes([n]) * 32).decode()}" for n in (1, 2)]
# What would be markup, a mention, a header or a control somewhere.
EVIL = "*b* <!channel> @everyone [x](http://e.example)\r\nBcc: e@e.example\x1b[2J\u202e`| <script>"


def leaked(**changes: Any) -> LeakedKey:
    facts: dict[str, Any] = {
        "key_id": "3uGk0aXb2Q",
        "prefix": "acme_live",
        "name": "ci",
        "owner": "owner@example.com",
        "scopes": ("invoices:read", "invoices:write"),
        "first_seen": SEEN,
        "died": DIED,
        "action": "revoke",
        "places": (Place("github", "commit", URL),),
        "leak_id": "leak_0123456789abcdef",
    }
    return LeakedKey(**facts | changes)


def notice(*keys: LeakedKey, **changes: Any) -> Notice:
    facts: dict[str, Any] = {
        "id": "notify-rcpt_1-own_1",
        "address": "owner@example.com",
        "keys": keys or (leaked(),),
        "now": DIED,
    }
    return Notice(**facts | changes)
