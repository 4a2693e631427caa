"""Where a rule's literal stands but no secret: is it because something near it is encoded?

Only what touches the text around the literal counts, so that ordinary words cost little.
"""

import re
from collections.abc import Iterator

from keyfuse_rules.decoding.literals import LITERALS

# What a look costs, in decoded bytes.
COST = 1_024

# Something encoded right before a literal: what it stands for may be no part of a word.
_BEFORE = re.compile(
    rb"(?:(\\)(?:[abefnrtv]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[0-7]{3})|(%)[0-9A-Fa-f]{2}|"
    rb"(&)#?[0-9A-Za-z]{1,8};?)\Z"
)
_BEFORE_LENGTH = 10
# Text that may be the beginning of a secret, and what interrupts it.
_BEHIND = re.compile(
    rb"[0-9A-Za-z_.~+/=-]{0,400}?"
    rb"(?:(\\)|(%)[0-9A-Fa-f]{2}|(&)(?:#|[a-zA-Z]{2,8};)|(=)\r?\n|" + LITERALS + rb")"
)
_STEPS = {b"\\": ("escape", "joined"), b"%": ("percent",), b"&": ("html",), b"=": ("joined",)}
_JOINED = ("joined",)

# A key of ours may be interrupted on either side of its marker.
_OWN_BEFORE, _OWN_BEHIND = 256, 384
_OWN_STEPS = {
    "escape": re.compile(rb"\\"),
    "percent": re.compile(rb"%[0-9A-Fa-f]{2}"),
    "html": re.compile(rb"&[#a-zA-Z]"),
    "joined": re.compile(rb"[\"'`\r\n]"),
}


def steps(data: bytes, literal: int) -> Iterator[str]:
    """Yield the decoders worth asking about a literal that begins at an offset."""
    before = _BEFORE.search(data[max(0, literal - _BEFORE_LENGTH) : literal])
    if before is not None:
        yield from _STEPS[before[before.lastindex or 0]]
    behind = _BEHIND.match(data, literal)
    if behind is not None:
        yield from _JOINED if behind.lastindex is None else _STEPS[behind[behind.lastindex]]


def own_steps(data: bytes, marker: int) -> Iterator[str]:
    """Yield the decoders worth asking about the marker of our own keys.

    Its checksum tells a key from an accident, so anything that may interrupt one is tried.
    """
    around = data[max(0, marker - _OWN_BEFORE) : marker + _OWN_BEHIND]
    return (step for step, sign in _OWN_STEPS.items() if sign.search(around))
