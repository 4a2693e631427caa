"""Telling a program of the operator's: JSON, signed as Standard Webhooks has it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
import json
from collections.abc import Sequence
from datetime import datetime

from keyfuse_rules import Secret
from keyfuse_store.settings import Settings
from keyfuse_store.times import rfc3339, to_micros
from keyfuse_webhook.errors import InvalidSetting
from keyfuse_webhook.jobs_model import Outcome
from keyfuse_webhook.message import LeakedKey, Place, one_line
from keyfuse_webhook.notifiers.interface import Notice, Notifier
from keyfuse_webhook.notifiers.posting import post

_PREFIX = "whsec_"
# Bytes, as the specification has it.
_SHORTEST_SECRET, _LONGEST_SECRET = 24, 64


def open_notifier(settings: Settings) -> Notifier | None:
    """The address that the settings name, if they do.

    Raises:
        InvalidSetting: There is no secret to sign with, or one that is none.
    """
    if settings.notify_webhook_url is None:
        return None
    if not settings.notify_webhook_secret:
        raise InvalidSetting("KEYFUSE_NOTIFY_WEBHOOK_SECRET: needed to sign what is posted")
    keys = [_key(secret) for secret in settings.notify_webhook_secret]
    return Webhook(settings.notify_webhook_url, keys)


class Webhook:
    """Posts to one address.

    Args:
        keys: What to sign with; several while one is being replaced.
    """

    def __init__(self, url: Secret, keys: Sequence[bytes]) -> None:
        self._url = url
        self._keys = keys

    def deliver(self, notice: Notice) -> Outcome:
        """Post one event.

        Raises:
            TryAgain: It was not taken.
        """
        body = json.dumps(compose(notice), ensure_ascii=True).encode("ascii")
        headers = sign(self._keys, notice.id, int(notice.now.timestamp()), body)
        return post("the webhook", self._url, body, headers)


def compose(notice: Notice) -> dict[str, object]:
    """The event."""
    return {
        "type": "keys.leaked",
        "timestamp": _time(notice.now),
        "data": {"owner": notice.address, "keys": [_of_key(key) for key in notice.keys]},
    }


def sign(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that go with a body."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = [hmac.digest(key, signed, "sha256") for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            f"v1,{base64.b64encode(digest).decode('ascii')}" for digest in digests
        ),
    }


def _of_key(key: LeakedKey) -> dict[str, object]:
    return {
        "id": key.key_id,
        "prefix": key.prefix,
        "name": one_line(key.name),
        "owner": one_line(key.owner),
        "scopes": [one_line(scope) for scope in key.scopes],
        "leak": key.leak_id,
        "action": key.action,
        "first_seen": _time(key.first_seen),
        "claimed": _time(key.claimed),
        "revoked": _time(key.died),
        "uses_at_most": key.uses,
        "last_use": _time(key.last_use),
        "successor": key.successor,
        "places": [_of_place(place) for place in key.places],
    }


def _of_place(place: Place) -> dict[str, object]:
    """The words of somebody unnamed are left out here as everywhere."""
    told = place.verified
    return {
        "from": one_line(place.origin, 64),
        "source": one_line(place.source, 64) if told and place.source else None,
        "url": one_line(place.url, 2048) if told and place.url else None,
        "verified": told,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(to_micros("moment", moment))


def _key(secret: Secret) -> bytes:
    """The bytes of a secret.

    Raises:
        InvalidSetting: It is not `whsec_` and base64 of 24 to 64 bytes.
    """
    text = secret.reveal()
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(_PREFIX) or not _SHORTEST_SECRET <= len(key) <= _LONGEST_SECRET:
        raise InvalidSetting(
            "KEYFUSE_NOTIFY_WEBHOOK_SECRET: must be whsec_ and base64 of 24 to 64 random bytes"
        )
    return key
