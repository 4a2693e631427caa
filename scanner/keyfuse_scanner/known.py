"""Lists of known secrets by fingerprint: the baseline and the ignore file. Pure.

One secret a line, sorted, without place or time, so that what two branches add can be merged by
keeping the lines of both:

    <fingerprint> <rule> <verdict>   # note
"""

import re
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, get_args

from keyfuse_scanner.errors import KnownListInvalid
from keyfuse_scanner.printable import harmless

Verdict = Literal["unaudited", "false", "real"]
Scope = Literal["files", "history"]
_HEAD = "# keyfuse baseline: known secrets by fingerprint, kept by `keyfuse baseline`"
_SCOPE = "# scope: "
_NO_RULE = "-"
# From what says least to what says most.
_VERDICTS: dict[str, Verdict] = {name: name for name in get_args(Verdict)}
_LINE = (
    r"(?P<fingerprint>[0-9a-f]{32})(?:[ \t]+(?P<rule>[\w.-]+))?(?:[ \t]+(?P<verdict>[a-z]+))?"
    r"[ \t]*(?:#[ \t]*(?P<note>.*))?"
)


class Entry(NamedTuple):
    """One known secret.

    Attributes:
        rule: The rule that found it, for people; empty where it is not known.
        verdict: What a person said: a real secret, or none.
        note: What a person wrote beside it.
    """

    fingerprint: str
    rule: str = ""
    verdict: Verdict = "unaudited"
    note: str = ""


class Known(NamedTuple):
    """A list of known secrets.

    Attributes:
        entries: By fingerprint.
        scope: Where they were looked for; None in a list that was written by hand.
    """

    entries: Mapping[str, Entry]
    scope: Scope | None = None


NOTHING = Known({})


def parse_known(text: str, name: str) -> Known:
    """Return the list in a file. An entry that stands there twice, as after a merge, is one.

    Args:
        text: The file.
        name: Its name, for messages.

    Raises:
        KnownListInvalid: a line is no entry; the message names it.
    """
    entries: dict[str, Entry] = {}
    scopes = set()
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if bare.startswith(_SCOPE):
            scopes.add(bare.removeprefix(_SCOPE))
        if not bare or bare.startswith("#"):
            continue
        entry = _entry(bare)
        if entry is None:
            raise KnownListInvalid(
                f"{harmless(name)}:{number}: no entry; write a fingerprint of 32 characters, and"
                " what you like behind a #"
            )
        entries[entry.fingerprint] = _stronger(entries.get(entry.fingerprint), entry)
    return Known(entries, "history" if "history" in scopes else "files" if scopes else None)


def render_known(entries: Iterable[Entry], scope: Scope) -> str:
    """Return the text of a baseline."""
    lines = [_HEAD, _SCOPE + scope, *(_line(entry) for entry in sorted(entries))]
    return "\n".join(lines) + "\n"


def _entry(line: str) -> Entry | None:
    found = re.fullmatch(_LINE, line)
    if found is None:
        return None
    verdict = _VERDICTS.get(found["verdict"] or "unaudited")
    if verdict is None:
        return None
    rule = "" if found["rule"] in {None, _NO_RULE} else found["rule"]
    return Entry(found["fingerprint"], rule, verdict, found["note"] or "")


def _stronger(one: Entry | None, other: Entry) -> Entry:
    """Return the entry that says more: what a person said is real stays so."""
    if one is None:
        return other
    order = list(_VERDICTS)
    first, second = sorted((one, other), key=lambda entry: -order.index(entry.verdict))
    return first._replace(rule=first.rule or second.rule, note=first.note or second.note)


def _line(entry: Entry) -> str:
    words = [entry.fingerprint, entry.rule or _NO_RULE, entry.verdict]
    return " ".join([*words, *([f" # {entry.note}"] if entry.note else [])])
