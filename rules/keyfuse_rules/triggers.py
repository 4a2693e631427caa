"""What to search an object for, so that one pass tells which rules and decoders to ask. Pure.

Every rule is represented by the literals at the head of its matches, and with decoding by all the
forms that these take when they are encoded. A hit of an encoded form costs a look at a few
kilobytes, so forms are long enough to be rare; `docs/performance.md` has the measurements.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from typing import NamedTuple

from keyfuse_rules.encoded_forms import (
    Aligned,
    Pattern,
    any_case,
    base64,
    decimal,
    entities,
    numbered,
    plain,
    specials_numbered,
    trimmed,
    utf16,
)
from keyfuse_rules.heads import Head, heads, is_short
from keyfuse_rules.model import OWN_RULE, Rule
from keyfuse_rules.search import KEYWORD, PLAIN, UNLED, WHOLE, Signal
from keyfuse_rules.wholes import whole_expression

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


class Trigger(NamedTuple):
    """One pattern to search for; `signal` is an index into the signals."""

    signal: int
    pattern: Pattern
    gap: Gap | None = None


class Whole(NamedTuple):
    """The whole of a rule, to be searched for until it is found once.

    Attributes:
        signal: An index into the signals.
        expression: What to search for.
        literals: One of them stands in it; enough to search for where the expression is too much.
    """

    signal: int
    expression: bytes
    literals: tuple[bytes, ...]


class Triggers(NamedTuple):
    """All that is searched for in one pass over an object."""

    signals: tuple[Signal, ...]
    triggers: tuple[Trigger, ...]
    wholes: tuple[Whole, ...] = ()


def triggers(rules: Sequence[Rule], *, decode: bool) -> Triggers:
    """Return what to search for on behalf of some rules.

    Args:
        rules: In the order in which signals count them.
        decode: Search for encoded forms, too.
    """
    wholes = {
        number: expression
        for number, rule in enumerate(rules)
        if (expression := whole_expression(rule)) is not None
    }
    found = [*_plain(rules, wholes), *_keywords(rules)]
    if decode:
        for rule in rules:
            forms = _forms_for(rule)
            for literal in rule.literals:
                found += forms(literal)
            found += _broken_off(rule)
    unled = (number for number, rule in enumerate(rules) if not (rule.literals or rule.keywords))
    signals = (
        *dict.fromkeys(signal for signal, _, _ in found),
        *(Signal(WHOLE, (number,)) for number in wholes),
        *(Signal(UNLED, (number,)) for number in unled),
    )
    numbers = {signal: number for number, signal in enumerate(signals)}
    return Triggers(
        signals,
        tuple(
            Trigger(numbers[signal], pattern, gap) for signal, pattern, gap in dict.fromkeys(found)
        ),
        tuple(
            Whole(numbers[Signal(WHOLE, (number,))], expression, rules[number].literals)
            for number, expression in wholes.items()
        ),
    )


_Found = tuple[Signal, Pattern, Gap | None]


def _plain(rules: Sequence[Rule], without: Container[int]) -> Iterator[_Found]:
    users: dict[Head, list[int]] = {}
    for number, rule in enumerate(rules):
        for head in () if number in without else heads(rule):
            users.setdefault(head, []).append(number)
    for (pattern, begin), numbers in users.items():
        yield Signal(PLAIN, tuple(numbers), len(pattern) - begin), pattern, None


def _keywords(rules: Sequence[Rule]) -> Iterator[_Found]:
    users: dict[bytes, list[int]] = {}
    for number, rule in enumerate(rules):
        for keyword in () if rule.literals else rule.keywords:
            users.setdefault(keyword, []).append(number)
    for keyword, numbers in users.items():
        yield Signal(KEYWORD, tuple(numbers)), any_case(keyword), None


def _forms_for(rule: Rule) -> Callable[[bytes], Iterator[_Found]]:
    if rule.rule_id == OWN_RULE:
        return _own_forms
    return _context_forms if rule.has_context else _forms


def _forms(literal: bytes) -> Iterator[_Found]:
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


def _broken_off(rule: Rule) -> Iterator[_Found]:
    """Yield what short literals look like where less than is searched for stands behind them."""
    for literal in rule.literals if is_short(rule) and not rule.has_context else ():
        if len(literal) >= _BROKEN_OFF_MIN:
            pattern = (*plain(literal), _QUOTES)
            yield Signal("joined"), pattern, Gap(len(literal), _BROKEN_OFF)


def _context_forms(literal: bytes) -> Iterator[_Found]:
    """Yield the encoded forms of a name that stands before a secret: whole files are encoded."""
    for form in base64(plain(literal[:_STEM])) if len(literal) >= _STEM_MIN else ():
        yield _base64_found(form, _WIDEST_TWICE)


def _base64_found(form: Aligned, widest: int) -> _Found:
    pattern, cut = trimmed(form.pattern, widest)
    if len(pattern) < _CERTAIN_MIN:
        pattern, cut = trimmed(form.pattern, _WIDEST_SHORT)
    return Signal("base64", phase=(form.phase - cut) % 4), pattern, None


def _own_forms(marker: bytes) -> Iterator[_Found]:
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


def _encoded(pattern: Pattern) -> Iterator[_Found]:
    yield Signal("utf-16"), utf16(pattern), None
    for form in base64(pattern):
        yield _base64_found(form, _WIDEST)
    yield Signal("hex"), numbered(pattern, "02x"), None
    yield Signal("percent"), numbered(pattern, "02x", b"%"), None
    yield Signal("escape"), numbered(pattern, "02x", b"\\x"), None
    yield Signal("escape"), numbered(pattern, "04x", b"\\u"), None
    yield Signal("escape"), numbered(pattern, "03o", b"\\"), None
    yield Signal("html"), entities(pattern), None


def _torn(signal: Signal, pattern: Pattern, gap: bytes) -> Iterator[_Found]:
    """Yield a form with something in between, at every place."""
    for index in range(1, len(pattern)):
        yield signal, pattern, Gap(index, gap)


def expression(trigger: Trigger) -> bytes:
    """Return a trigger as a regular expression that `re`, `regex` and Hyperscan read alike."""
    parts = [_set(byte) for byte in trigger.pattern]
    if trigger.gap is not None:
        parts.insert(trigger.gap.place, trigger.gap.expression)
    return b"".join(parts)


def _set(members: frozenset[int]) -> bytes:
    escaped = b"".join(b"\\x%02x" % byte for byte in sorted(members))
    return escaped if len(members) == 1 else b"[" + escaped + b"]"
