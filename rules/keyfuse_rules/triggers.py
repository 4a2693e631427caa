"""What to search an object for, so that one pass tells which rules and decoders to ask. Pure.

Every rule is represented by the literals at the head of its matches, and with decoding by all the
forms that these take when they are encoded (`hidden_forms`); `docs/performance.md` has the
measurements.
"""

from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple

from keyfuse_rules.encoded_forms import Pattern, any_case
from keyfuse_rules.heads import Head, heads
from keyfuse_rules.hidden_forms import Form, Gap, hidden_forms
from keyfuse_rules.model import Rule
from keyfuse_rules.search import KEYWORD, PLAIN, UNLED, WHOLE, Signal
from keyfuse_rules.wholes import whole_expression


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
            found += hidden_forms(rule)
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


def _plain(rules: Sequence[Rule], without: Container[int]) -> Iterator[Form]:
    users: dict[Head, list[int]] = {}
    for number, rule in enumerate(rules):
        for head in () if number in without else heads(rule):
            users.setdefault(head, []).append(number)
    for (pattern, begin), numbers in users.items():
        yield Signal(PLAIN, tuple(numbers), len(pattern) - begin), pattern, None


def _keywords(rules: Sequence[Rule]) -> Iterator[Form]:
    users: dict[bytes, list[int]] = {}
    for number, rule in enumerate(rules):
        for keyword in () if rule.literals else rule.keywords:
            users.setdefault(keyword, []).append(number)
    for keyword, numbers in users.items():
        yield Signal(KEYWORD, tuple(numbers)), any_case(keyword), None


def expression(trigger: Trigger) -> bytes:
    """Return a trigger as a regular expression that `re`, `regex` and Hyperscan read alike."""
    parts = [_set(byte) for byte in trigger.pattern]
    if trigger.gap is not None:
        parts.insert(trigger.gap.place, trigger.gap.expression)
    return b"".join(parts)


def _set(members: frozenset[int]) -> bytes:
    escaped = b"".join(b"\\x%02x" % byte for byte in sorted(members))
    return escaped if len(members) == 1 else b"[" + escaped + b"]"
