"""The words an owner gets when keys of theirs have leaked: values in, text out, no I/O.

Names, urls and reasons are other people's text. They are put on one line, stripped of control
and bidirectional characters and of anything key-like; each channel escapes what it gets from here.
"""

import shlex
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from keyfuse_rules.redact import scrub

# Keys that a message tells of in full; the others are listed.
MOST_IN_FULL = 25
_MOST_PLACES = 10
CLOSING = "This message was sent by keyfuse. It never contains a key, and never asks you for one."


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
        claimed: When it leaked, as a commit claims; None where none does.
        uses: Calls with it from the leak to its end, at most: whole hours are counted.
        last_use: When the last of them was.
        successor: The key that was to take over from it, when it had been rotated.
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
    claimed: datetime | None = None
    uses: int = 0
    last_use: datetime | None = None
    successor: str | None = None


class Fact(NamedTuple):
    """One line about a key; `link` only where it comes from somebody who signed or from us."""

    name: str
    value: str
    link: str | None = None


class Advice(NamedTuple):
    """One thing to do, and the command that does it."""

    what: str
    command: str | None = None


def subject(keys: Sequence[LeakedKey]) -> str:
    """What it is about, on one line."""
    if len(keys) > 1:
        return f"{len(keys)} of your API keys leaked"
    key = keys[0]
    return f"API key {one_line(key.name, 60)} ({key.prefix}, {key.key_id}) leaked{_fate(key)}"


def opening(keys: Sequence[LeakedKey]) -> str:
    """The first sentence."""
    what = "An API key of yours has" if len(keys) == 1 else f"{len(keys)} API keys of yours have"
    return f"{what} been found in a place where others can read it."


def facts(key: LeakedKey) -> list[Fact]:
    """What is known about one key, line by line."""
    seen = f"{_time(key.first_seen)} (by us)"
    claim = [] if key.claimed is None else [Fact("Leaked", f"{_time(key.claimed)} (claimed)")]
    return [
        Fact("Key", key.key_id),
        Fact("Prefix", key.prefix),
        Fact("Name", one_line(key.name)),
        Fact("Scopes", ", ".join(one_line(scope) for scope in key.scopes) or "none"),
        *(_place(place, key) for place in key.places[:_MOST_PLACES]),
        *_more_places(key),
        *claim,
        Fact("First seen", seen),
        Fact("Status", _status(key)),
        Fact("Used", _use(key)),
    ]


def advice(key: LeakedKey) -> list[Advice]:
    """What to do now, in this order."""
    return [
        _replacement(key),
        Advice("Put it where the old one was used, through your secret store."),
        Advice("Take the old key out of the place above, history included."),
        Advice("Look through your logs for requests you did not make."),
        *_still_to_end(key),
    ]


def listed(keys: Sequence[LeakedKey]) -> list[str]:
    """One line for each key that is not told of in full."""
    return [
        f"{key.key_id}  {key.prefix}  {one_line(key.name, 60)}: {_short_status(key)}"
        for key in keys[MOST_IN_FULL:]
    ]


def plain(keys: Sequence[LeakedKey]) -> str:
    """The whole message as plain text."""
    parts = [opening(keys), *(_paragraph(key) for key in keys[:MOST_IN_FULL])]
    if others := listed(keys):
        parts.append("\n".join(["The others, with the same things to do:", "", *others]))
    return "\n\n".join([*parts, CLOSING]) + "\n"


def one_line(text: str, longest: int = 500) -> str:
    """Foreign text on one line, with nothing in it that acts on a reader's terminal or eye."""
    kept = (" " if unicodedata.category(c)[0] in "ZC" else c for c in text[: longest + 1])
    line = " ".join("".join(kept).split())
    return scrub(line if len(line) <= longest else line[:longest] + "…")


def _fate(key: LeakedKey) -> str:
    if key.died is not None:
        return " and was revoked"
    return " and was restricted" if key.action == "quarantine" else ""


def _paragraph(key: LeakedKey) -> str:
    lines = [f"{fact.name + ':':<12}{fact.value}" for fact in facts(key)]
    lines += ["", "What to do now:"]
    for number, step in enumerate(advice(key), start=1):
        lines.append(f"  {number}. {step.what}")
        if step.command is not None:
            lines.append(f"     {step.command}")
    return "\n".join(lines)


def _place(place: Place, key: LeakedKey) -> Fact:
    if not place.verified:
        more = f"keyfuse leaks show {key.leak_id}"
        return Fact("Found", f"by somebody unnamed who holds it; their words: {more}")
    where = one_line(place.url, 2048) if place.url else "no address was given"
    kind = one_line(place.source, 64).replace("_", " ") if place.source else "unknown place"
    link = where if where.startswith("https://") else None
    return Fact("Found", f"{where} ({kind}, reported by {one_line(place.origin, 64)})", link)


def _more_places(key: LeakedKey) -> list[Fact]:
    more = len(key.places) - _MOST_PLACES
    return [Fact("Found", f"{more} more: keyfuse leaks show {key.leak_id}")] if more > 0 else []


def _status(key: LeakedKey) -> str:
    if key.died is not None:
        return f"revoked at {_time(key.died)}; every request with it is refused since then"
    if key.action == "quarantine":
        return "still valid, but cut down to its quarantine scopes"
    return "still valid: keys of this kind are not revoked automatically"


def _short_status(key: LeakedKey) -> str:
    return "still valid" if key.died is None else f"revoked at {_time(key.died)}"


def _use(key: LeakedKey) -> str:
    until = "now" if key.died is None else "its end"
    if not key.uses:
        return f"not once between the leak and {until}, as far as we counted"
    last = "" if key.last_use is None else f", last at {_time(key.last_use)}"
    times = "once" if key.uses == 1 else f"{key.uses} times"
    return f"at most {times} between the leak and {until}{last}; your own calls are among them"


def _replacement(key: LeakedKey) -> Advice:
    if key.successor is not None:
        return Advice(f"Use its successor, {key.successor}, which is another key and still works.")
    return Advice("Make a new key (or ask whoever runs keyfuse to):", _command(key))


def _still_to_end(key: LeakedKey) -> list[Advice]:
    if key.died is not None:
        return []
    return [Advice(f"End the old key: keyfuse keys revoke {key.key_id} --reason leaked")]


def _command(key: LeakedKey) -> str:
    """The exact command that issues a replacement."""
    words = ["keyfuse", "keys", "issue", "--prefix", key.prefix, "--owner", one_line(key.owner)]
    words += ["--name", one_line(key.name)]
    for scope in key.scopes:
        words += ["--scope", one_line(scope)]
    return shlex.join(words)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
