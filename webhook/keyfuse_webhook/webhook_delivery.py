"""A webhook delivery as values: headers and raw bytes in, an event with its payload out. No I/O.

https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from keyfuse_rules import Secret
from keyfuse_webhook.partner_alerts import BAD_SIGNATURE, NOT_JSON
from keyfuse_webhook.problem import Refusal
from keyfuse_webhook.signatures import is_hub_signed

NOT_CONFIGURED = Refusal(
    503, "no_webhook_secret", "No webhook secret is configured; unsigned deliveries are not taken."
)
MISSING_SIGNATURE = Refusal(
    400, "signature_missing", "X-Hub-Signature-256 is missing; set a secret at the webhook."
)
MALFORMED_SIGNATURE = Refusal(
    400, "signature_malformed", "X-Hub-Signature-256 is not sha256= and 64 hexadecimal digits."
)
MISSING_EVENT = Refusal(400, "event_missing", "X-GitHub-Event is missing.")
NOT_AN_OBJECT = Refusal(400, "not_an_object", "The body is not a JSON object.")

_SIGNATURE = re.compile(r"sha256=([0-9A-Fa-f]{64})")
_EVENT = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_FORM = "application/x-www-form-urlencoded"


class Envelope(NamedTuple):
    """What the headers say."""

    event: str
    delivery: str
    signature: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One signed delivery.

    Attributes:
        event: GitHub's word; new ones may come any day.
        digest: Names the delivery for ever: a redelivery of the same body has the same.
        payload: The JSON object; foreign text throughout.
    """

    event: str
    digest: str
    payload: Mapping[str, Any]


def read_envelope(headers: Iterable[tuple[str, str]]) -> Envelope | Refusal:
    """Find what is needed among the headers. A SHA-1 signature is no signature."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(value.strip())
    signatures = values.get("x-hub-signature-256", [])
    if not any(signatures):
        return MISSING_SIGNATURE
    found = _SIGNATURE.fullmatch(signatures[0])
    if found is None or len(signatures) > 1:
        return MALFORMED_SIGNATURE
    event = values.get("x-github-event", [""])[0]
    if not _EVENT.fullmatch(event):
        return MISSING_EVENT
    return Envelope(
        event,
        values.get("x-github-delivery", [""])[0],
        bytes.fromhex(found[1]),
        values.get("content-type", [""])[0].partition(";")[0].strip().lower(),
    )


def open_delivery(envelope: Envelope, body: bytes, secrets: Sequence[Secret]) -> Delivery | Refusal:
    """Check the signature over the raw bytes, then read them."""
    if not is_hub_signed(secrets, envelope.signature, body):
        return BAD_SIGNATURE
    payload = _payload(envelope.content_type, body)
    if isinstance(payload, Refusal):
        return payload
    named = hashlib.sha256(envelope.delivery.encode("utf-8", "replace"))
    named.update(hashlib.sha256(body).digest())
    return Delivery(envelope.event, named.hexdigest()[:32], payload)


def _payload(content_type: str, body: bytes) -> Mapping[str, Any] | Refusal:
    try:
        text = body.decode("utf-8")
        if content_type == _FORM:
            text = dict(parse_qsl(text, max_num_fields=10)).get("payload", "")
        document = json.loads(text, parse_int=_bounded)
    except (ValueError, RecursionError):
        return NOT_JSON
    return document if isinstance(document, dict) else NOT_AN_OBJECT


def _bounded(digits: str) -> int | float:
    """GitHub's numbers have 19 digits at most; a longer one costs time and means nothing."""
    return int(digits) if len(digits) <= 20 else float(digits)  # noqa: PLR2004 - 64 bits and a sign
