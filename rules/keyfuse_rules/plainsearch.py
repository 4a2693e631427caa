"""The search without native code: the fixed part of each trigger in turn. Pure."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from keyfuse_rules.search import HIT_LIMIT, Hit, Signal
from keyfuse_rules.triggers import Trigger, Triggers, expression


class Needle(NamedTuple):
    """One trigger, as it is looked for.

    Attributes:
        signal: Number of the signal that it gives.
        core: Bytes that stand in every hit.
        expression: The whole, as a regular expression; empty where it is enough that the core
            stands somewhere.
    """

    signal: int
    core: bytes
    expression: bytes


class PlainSearch:
    """Looks for the fixed part of each trigger, and for the whole where that stands."""

    def __init__(
        self, signals: Sequence[Signal], needles: Sequence[tuple[int, bytes, bytes]]
    ) -> None:
        self.signals = signals
        self._needles = needles
        self._compiled: dict[bytes, re.Pattern[bytes]] = {}

    def hits(self, data: bytes) -> list[Hit]:
        """Return the hits in one object; see `keyfuse_rules.search.Search`."""
        found: list[Hit] = []
        for signal, core, whole in self._needles:
            if core not in data:
                continue
            if not whole:
                found.append((signal, 0))
            else:
                for hit in self._whole(whole).finditer(data):
                    found.append((signal, hit.end(1)))
                    if len(found) >= HIT_LIMIT:
                        return found
        return found

    def _whole(self, whole: bytes) -> re.Pattern[bytes]:
        pattern = self._compiled.get(whole)
        if pattern is None:
            # Nothing is consumed by a look-ahead, so that overlapping hits are found, too.
            pattern = self._compiled[whole] = re.compile(b"(?=(" + whole + b"))", re.DOTALL)
        return pattern


def plain_search(wanted: Triggers) -> PlainSearch:
    """Return a search for all triggers."""
    return PlainSearch(wanted.signals, needles(wanted))


def needles(wanted: Triggers) -> list[Needle]:
    """Return all triggers as they are looked for."""
    return [
        Needle(
            trigger.signal, max(_fixed_parts(trigger), key=len, default=b""), expression(trigger)
        )
        for trigger in wanted.triggers
    ] + [
        Needle(whole.signal, literal, b"") for whole in wanted.wholes for literal in whole.literals
    ]


def _fixed_parts(trigger: Trigger) -> Iterator[bytes]:
    """Yield the stretches of a trigger in which each byte can be only one."""
    gap = len(trigger.pattern) if trigger.gap is None else trigger.gap.place
    for pattern in (trigger.pattern[:gap], trigger.pattern[gap:]):
        for is_fixed, members in groupby(pattern, key=lambda members: len(members) == 1):
            if is_fixed:
                yield bytes(byte for (byte,) in members)
