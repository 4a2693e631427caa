"""The words an owner gets when a key of theirs has leaked: values in, a mail out, no I/O.

Names, urls and reasons are other people's text. They are put on one line, stripped of control
and bidirectional characters and of anything key-like before they reach a header or the body.
"""

import shlex
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from keyfuse_rules.redact import scrub


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key was seen, in the words of whoever reported it.

    Attributes:
        verified: False for an anonymous report: its words are told of, never repeated, for a
            stranger could make the owner follow a link.
    """

    origin: str
    source: str | None
    url: str | None
    verified: bool = True


@dataclass(frozen=True, slots=True)
class LeakedKey:
    """A leaked key as its owner needs to see it; there is no secret in it.

    Attributes:
        first_seen: When this service first heard of the leak.
        died: When the key was revoked; None while it still works.
        action: What the leak policy did: `revoke`, `quarantine` or `notify`.
        leak_id: The incident, to look the rest up by.
    """

    key_id: str
    prefix: str
    name: str
    owner: str
    scopes: tuple[str, ...]
    first_seen: datetime
    died: datetime | None
    action: str
    places: tuple[Place, ...]
    leak_id: str = ""


def compose(
    keys: Sequence[LeakedKey], *, sender: str, recipient: str, message_id: str, now: datetime
) -> EmailMessage:
    """Write the mail about one delivery's leaked keys of one owner."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = recipient
    mail["Subject"] = _subject(keys)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message_id
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n\n".join([_opening(keys), *map(_paragraph, keys), _CLOSING]) + "\n")
    return mail


def one_line(text: str, longest: int = 500) -> str:
    """Foreign text on one line, with nothing in it that acts on a reader's terminal or eye."""
    kept = (" " if unicodedata.category(c)[0] in "ZC" else c for c in text[: longest + 1])
    line = " ".join("".join(kept).split())
    return scrub(line if len(line) <= longest else line[:longest] + "…")


def _subject(keys: Sequence[LeakedKey]) -> str:
    if len(keys) > 1:
        return f"{len(keys)} of your API keys leaked"
    key = keys[0]
    return f"API key {one_line(key.name, 60)} ({key.prefix}, {key.key_id}) leaked{_fate(key)}"


def _fate(key: LeakedKey) -> str:
    if key.died is not None:
        return " and was revoked"
    return " and was restricted" if key.action == "quarantine" else ""


def _opening(keys: Sequence[LeakedKey]) -> str:
    what = "An API key of yours has" if len(keys) == 1 else f"{len(keys)} API keys of yours have"
    return f"{what} been found in a place where others can read it."


def _paragraph(key: LeakedKey) -> str:
    facts = [
        ("Key", key.key_id),
        ("Prefix", key.prefix),
        ("Name", one_line(key.name)),
        ("Scopes", ", ".join(one_line(scope) for scope in key.scopes) or "none"),
        *[("Found", _place(place, key)) for place in key.places],
        ("First seen", f"{_time(key.first_seen)} (by us)"),
        ("Status", _status(key)),
    ]
    lines = [f"{name + ':':<12}{value}" for name, value in facts]
    return "\n".join([*lines, "", "What to do now:", *_advice(key)])


def _place(place: Place, key: LeakedKey) -> str:
    if not place.verified:
        return f"by somebody unnamed who holds it; their words: keyfuse leaks show {key.leak_id}"
    where = one_line(place.url, 2048) if place.url else "no address was given"
    kind = one_line(place.source, 64).replace("_", " ") if place.source else "unknown place"
    return f"{where} ({kind}, reported by {one_line(place.origin, 64)})"


def _status(key: LeakedKey) -> str:
    if key.died is not None:
        return f"revoked at {_time(key.died)}; every request with it is refused since then"
    if key.action == "quarantine":
        return "still valid, but cut down to its quarantine scopes"
    return "still valid: keys of this kind are not revoked automatically"


def _advice(key: LeakedKey) -> list[str]:
    end = [
        "  2. Put it where the old one was used, through your secret store.",
        "  3. Take the old key out of the place above, history included.",
        "  4. Look through your logs for requests you did not make.",
    ]
    if key.died is None:
        end.append(f"  5. End the old key: keyfuse keys revoke {key.key_id} --reason leaked")
    return ["  1. Make a new key (or ask whoever runs keyfuse to):", f"     {_command(key)}", *end]


def _command(key: LeakedKey) -> str:
    """The exact command that issues a replacement."""
    words = ["keyfuse", "keys", "issue", "--prefix", key.prefix, "--owner", one_line(key.owner)]
    words += ["--name", one_line(key.name)]
    for scope in key.scopes:
        words += ["--scope", one_line(scope)]
    return shlex.join(words)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


_CLOSING = "This mail was sent by keyfuse. It never contains a key, and never asks you for one."
