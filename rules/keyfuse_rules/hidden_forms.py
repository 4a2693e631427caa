"""How the literals of a rule look in encoded text, and what finding them tells. Pure.

A hit of a form costs a look at a few kilobytes, so forms are long enough to be rare.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from keyfuse_rules.encoded_forms import (
    Aligned,
    Pattern,
    base64,
    decimal,
    entities,
    numbered,
    plain,
    specials_numbered,
    trimmed,
    utf16,
)
from keyfuse_rules.heads import is_short
from keyfuse_rules.model import OWN_RULE, Rule
from keyfuse_rules.search import Signal

# How much of a literal is searched for. Forms of many bytes for each are dear to compile.
_HEAD = 12
_NUMBERED = 6
_UNICODE = 5
# Names before secrets share their beginnings, which are told apart when they are decoded.
_STEM = 12
_STEM_MIN = 6
# The ends of a base64 form depend on what is beside it. Choices between more bytes than these make
# the compiler slow, unless a short literal leaves nothing else.
_WIDEST, _WIDEST_TWICE, _WIDEST_SHORT = 4, 2, 16
_CERTAIN_MIN = 4

# Without an upper bound: with one, Vectorscan 5.4.12 misses a hit now and then that stands behind a
# part of itself. A test samples every trigger in such places.
LINE_BREAK = rb"\r?\n[ \t]*"
CONCATENATION = rb"[\"'`][ \t\r\n+.&|<>^_@\\rbuf()]{0,32}[\"'`]"
# A secret of which only the beginning stands in the first of several literals.
_BROKEN_OFF = rb"[0-9A-Za-z_.+/=-]{0,20}[\"'`][ \t\r\n]{0,24}[+.&|<>\\]{0,2}[ \t\r\n]{0,24}"
_QUOTES = frozenset(b"\"'`")
# Three letters begin too many words.
_BROKEN_OFF_MIN = 4
CONTINUATION = rb"(?:\\|=)?\r?\n[ \t#>*+|/]*"


class Gap(NamedTuple):
    """Something of variable length within a pattern, before its byte number `place`."""

    place: int
    expression: bytes


Form = tuple[Signal, Pattern, Gap | None]


def hidden_forms(rule: Rule) -> Iterator[Form]:
    """Yield the encoded forms of the literals of a rule."""
    forms = _forms_for(rule)
    for literal in rule.literals:
        yield from forms(literal)
    yield from _broken_off(rule)


def _forms_for(rule: Rule) -> Callable[[bytes], Iterator[Form]]:
    if rule.rule_id == OWN_RULE:
        return _own_forms
    return _context_forms if rule.has_context else _forms


def _forms(literal: bytes) -> Iterator[Form]:
    """Yield the encoded forms of a literal that is part of the secret."""
    head = plain(literal[:_HEAD])
    yield Signal("utf-16"), utf16(head), None
    for form in base64(head):
        yield _base64_found(form, _WIDEST)
        for outer in base64(form.pattern):
            yield _base64_found(outer, _WIDEST_TWICE)
    yield Signal("hex"), numbered(head, "02x"), None
    yield Signal("percent"), numbered(head, "02x", b"%"), None
    yield Signal("escape"), numbered(head[:_NUMBERED], "02x", rb"\x"), None
    yield Signal("escape"), numbered(head[:_UNICODE], "04x", rb"\u"), None
    yield Signal("html"), decimal(literal[:_NUMBERED], b"&#", b";"), None
    yield Signal("html"), entities(head[:_UNICODE]), None


def _broken_off(rule: Rule) -> Iterator[Form]:
    """Yield what short literals look like where less than is searched for stands behind them."""
    for literal in rule.literals if is_short(rule) and not rule.has_context else ():
        if len(literal) >= _BROKEN_OFF_MIN:
            pattern = (*plain(literal), _QUOTES)
            yield Signal("joined"), pattern, Gap(len(literal), _BROKEN_OFF)


def _context_forms(literal: bytes) -> Iterator[Form]:
    """Yield the encoded forms of a name that stands before a secret: whole files are encoded."""
    for form in base64(plain(literal[:_STEM])) if len(literal) >= _STEM_MIN else ():
        yield _base64_found(form, _WIDEST_TWICE)


def _base64_found(form: Aligned, widest: int) -> Form:
    pattern, cut = trimmed(form.pattern, widest)
    if len(pattern) < _CERTAIN_MIN:
        pattern, cut = trimmed(form.pattern, _WIDEST_SHORT)
    return Signal("base64", phase=(form.phase - cut) % 4), pattern, None


def _own_forms(marker: bytes) -> Iterator[Form]:
    """Yield the forms of our own marker: all encodings, any two of them, and torn apart."""
    yield from _forms(marker)
    for form in _encoded(plain(marker)):
        yield form
        yield from _encoded(form[1])
        if form[0].form in {"base64", "hex"}:
            yield from _torn(form[0], form[1], LINE_BREAK)
    for gap in (CONCATENATION, CONTINUATION):
        yield from _torn(Signal("joined"), plain(marker), gap)
    for step, spec, before, after in _SPECIALS:
        yield Signal(step), specials_numbered(marker, spec, before, after), None
    for step, spec, before, after in _LONGER:
        yield Signal(step), numbered(plain(marker), spec, before, after), None
        yield Signal(step), specials_numbered(marker, spec, before, after), None
    for name in (b"&lowbar;", b"&UnderBar;"):
        yield Signal("html"), plain(marker.replace(b"_", name)), None


_SPECIALS = (
    ("percent", "02x", b"%", b""),
    ("escape", "04x", rb"\u", b""),
    ("escape", "02x", rb"\x", b""),
    ("escape", "03o", b"\\", b""),
    ("html", "d", b"&#", b";"),
    ("html", "02x", b"&#x", b";"),
    ("html", "02x", b"&#X", b";"),
)

# What is quoted twice, and numbers in more digits than they need.
_LONGER = (
    ("percent", "02x", b"%25", b""),
    ("escape", "04x", rb"\\u", b""),
    ("escape", "02x", rb"\\x", b""),
    ("escape", "x", rb"\u{", b"}"),
    ("escape", "08x", rb"\U", b""),
    ("html", "03d", b"&#", b";"),
    ("html", "04x", b"&#x", b";"),
)


def _encoded(pattern: Pattern) -> Iterator[Form]:
    yield Signal("utf-16"), utf16(pattern), None
    for form in base64(pattern):
        yield _base64_found(form, _WIDEST)
    yield Signal("hex"), numbered(pattern, "02x"), None
    yield Signal("percent"), numbered(pattern, "02x", b"%"), None
    yield Signal("escape"), numbered(pattern, "02x", b"\\x"), None
    yield Signal("escape"), numbered(pattern, "04x", b"\\u"), None
    yield Signal("escape"), numbered(pattern, "03o", b"\\"), None
    yield Signal("html"), entities(pattern), None


def _torn(signal: Signal, pattern: Pattern, gap: bytes) -> Iterator[Form]:
    """Yield a form with something in between, at every place."""
    for index in range(1, len(pattern)):
        yield signal, pattern, Gap(index, gap)
