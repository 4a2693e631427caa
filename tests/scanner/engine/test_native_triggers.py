"""The compiled search misses no form of a literal, whatever stands before it."""

from random import Random

import pytest

pytest.importorskip("hyperscan")

from keyfuse_rules import hidden_forms as forms
from keyfuse_rules.hidden_forms import Gap
from keyfuse_rules.pack import default_rules
from keyfuse_rules.triggers import Trigger, expression, triggers
from keyfuse_scanner.engine.compiling import compiled
from keyfuse_scanner.engine.native import NativeSearch, loaded

WANTED = triggers(default_rules(), decode=True)
TORN = [trigger for trigger in WANTED.triggers if trigger.gap is not None]
IN_BETWEEN = {
    forms.LINE_BREAK: [b"\n", b"\r\n", b"\n\t", b"\r\n  ", b"\n" + b" " * 16],
    forms.CONTINUATION: [b"\n", b"\\\n", b"=\r\n", b"\n# ", b"\\\r\n\t\t", b"\n" + b" " * 16],
    forms.CONCATENATION: [b'""', b'" + "', b"'.\r\n  '", b"` \\\n  + rb`"],
    forms._BROKEN_OFF: [b"ab'", b'0" + ', b"x_y-z` .\n\t\t"],
}


@pytest.fixture(scope="module")
def search() -> NativeSearch:
    database, numbers = compiled(WANTED)
    return NativeSearch(numbers, loaded(database))


def _example(trigger: Trigger, random: Random) -> bytes:
    text = [bytes((random.choice(sorted(members)),)) for members in trigger.pattern]
    if trigger.gap is not None:
        text.insert(trigger.gap.place, random.choice(IN_BETWEEN[trigger.gap.expression]))
    return b"".join(text)


def _before(example: bytes, random: Random) -> bytes:
    """Ordinary bytes, and often a part of what is to be found."""
    text = bytes(random.choices(b'abkf_10% \n\\u&;="+', k=random.choice((0, 1, 15, 40, 64, 100))))
    if random.random() < 0.7:
        text += example[random.randrange(len(example)) :] + b"x" * random.choice((0, 1, 5))
    return text


@pytest.mark.parametrize(
    ("some", "times"), [(WANTED.triggers, 1), (TORN, 40)], ids=["every form", "those torn apart"]
)
def test_a_form_is_found_behind_a_part_of_itself(
    search: NativeSearch, some: list[Trigger], times: int
) -> None:
    random = Random(11)
    missed = []
    for trigger in some:
        for _ in range(times):
            example = _example(trigger, random)
            before = _before(example, random)
            hits = search.hits(before + example + b"=" * random.choice((0, 1, 17)))
            if (trigger.signal, len(before) + len(example)) not in hits:
                missed.append((expression(trigger), before, example))
    assert missed == []


def test_every_gap_has_its_examples() -> None:
    gaps = {gap.expression for gap in (trigger.gap for trigger in TORN) if isinstance(gap, Gap)}
    assert gaps == set(IN_BETWEEN)
