"""Secret scanning partner alerts as values: headers and bytes in, records and an answer out.

No I/O. Protocol: github/docs, "Secret scanning partner program" (request: a JSON array of
`{token, type, url, source}`; response: an array of `{token_hash, token_type, label}`).
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from keyfuse_rules.keyformat import strip_presentation
from keyfuse_rules.redact import scrub
from keyfuse_webhook.model import Alert, Label, Origin
from keyfuse_webhook.problem import Refusal
from keyfuse_webhook.signatures import decode_signature

MISSING_SIGNATURE = Refusal(
    400, "signature_missing", "The key identifier or the signature header is missing."
)
MALFORMED_SIGNATURE = Refusal(
    400, "signature_malformed", "The key identifier or the signature header is malformed."
)
BAD_SIGNATURE = Refusal(401, "signature_invalid", "The signature does not match the body.")
UNKNOWN_KEY = Refusal(401, "signing_key_unknown", "The signing key is not in the origin's list.")
NO_KEY_LIST = Refusal(
    503, "signing_keys_unavailable", "The origin's list of signing keys cannot be had right now."
)
NOT_JSON = Refusal(400, "not_json", "The body is not JSON in UTF-8.")
NOT_A_LIST = Refusal(400, "not_a_list", "The body is not a JSON array.")

# Foreign text is cut before it is kept: an address bar's worth of url, a word of source.
_LONGEST_URL = 2048
_LONGEST_SOURCE = 64
_KEY_ID = re.compile(r"[0-9A-Za-z._:=+/-]{1,200}")
_QUOTES = "\"'`"


class Envelope(NamedTuple):
    """What the headers say about who signed the body."""

    key_id: str
    signature: bytes


def read_envelope(headers: Iterable[tuple[str, str]], origin: Origin) -> Envelope | Refusal:
    """Find the signature among the headers, whatever the case of their names."""
    values: dict[str, list[str]] = {origin.id_header: [], origin.signature_header: []}
    for name, value in headers:
        if (known := values.get(name.lower())) is not None:
            known.append(value.strip())
    key_ids, signatures = values[origin.id_header], values[origin.signature_header]
    if not any(key_ids) or not any(signatures):
        return MISSING_SIGNATURE
    if len(key_ids) > 1 or len(signatures) > 1 or not _KEY_ID.fullmatch(key_ids[0]):
        return MALFORMED_SIGNATURE
    signature = decode_signature(signatures[0])
    return MALFORMED_SIGNATURE if signature is None else Envelope(key_ids[0], signature)


def read_alerts(body: bytes) -> list[Alert] | Refusal:
    """Read the records of a body whose signature has been checked.

    A record without a string token is passed over; it never costs its neighbours theirs.
    """
    try:
        records = json.loads(body.decode("utf-8"), parse_int=float)
    except (ValueError, RecursionError):
        return NOT_JSON
    if not isinstance(records, list):
        return NOT_A_LIST
    return [alert for record in records if (alert := _alert(record)) is not None]


def answer(alerts: Iterable[Alert], ours: Iterable[bool], *, raw: bool = False) -> bytes:
    """The feedback body: one entry per alert, in the order received.

    Each names its token by hash; with `raw` by the token itself, as the protocol also allows.
    """
    entries = [
        {**_named(alert, raw=raw), "token_type": alert.token_type, "label": label(own=own)}
        for alert, own in zip(alerts, ours, strict=True)
    ]
    return json.dumps(entries, separators=(",", ":")).encode("ascii")


def strip_token(text: str) -> str:
    """Take surrounding white space, one pair of quotes, `Bearer ` and `secret-token:` off."""
    text = _unquoted(text.strip()).strip()
    if text[:7].lower() == "bearer ":
        text = _unquoted(text[7:].strip()).strip()
    return strip_presentation(text)


def _alert(record: Any) -> Alert | None:
    token = record.get("token") if isinstance(record, Mapping) else None
    if not isinstance(token, str):
        return None
    token_type = record.get("type")
    source = foreign_text(record.get("source"), _LONGEST_SOURCE)
    return Alert(
        token=strip_token(token),
        received=token,
        token_type=token_type if isinstance(token_type, str) else None,
        url=foreign_text(record.get("url"), _LONGEST_URL),
        source=source.lower() if source else None,
    )


def _named(alert: Alert, *, raw: bool) -> dict[str, str]:
    return {"token_raw": alert.received} if raw else {"token_hash": alert.token_hash}


def foreign_text(value: Any, longest: int) -> str | None:
    """Foreign text fit to be kept, or None.

    A lone surrogate would not survive UTF-8, and a url may quote the very token it leads to.
    """
    if not isinstance(value, str):
        return None
    return scrub(value.strip()[:longest].encode("utf-8", "replace").decode("utf-8")) or None


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES
    return text[1:-1] if quoted else text


def label(*, own: bool) -> Label:
    """The protocol's word for ours and for not ours."""
    return "true_positive" if own else "false_positive"
