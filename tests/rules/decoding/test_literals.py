"""How a string goes on in another literal: the same as ever, at a bounded price."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from keyfuse_rules.decoding.literals import LITERALS
from keyfuse_rules.matching import Matcher
from keyfuse_rules.pack import OWN
from keyfuse_rules.plainsearch import plain_search
from keyfuse_rules.triggers import triggers

GIVING_BACK = LITERALS.replace(b"*+", b"*").replace(b")?+", b")?")
JOIN, SLOWLY = re.compile(LITERALS), re.compile(GIVING_BACK)


@settings(max_examples=500)
@given(st.text("\"'`) \t\r\n\\+.&|<>rbUF(x", max_size=24).map(str.encode))
def test_giving_nothing_back_changes_no_match(text: bytes) -> None:
    assert GIVING_BACK != LITERALS
    assert [found.span() for found in JOIN.finditer(text)] == [
        found.span() for found in SLOWLY.finditer(text)
    ]


def test_white_space_that_leads_nowhere_costs_little() -> None:
    """What takes too long is ended by the time limit of the test run."""
    data = (b'_kf1"' + b" " * 200) * 25_000
    matches = Matcher([OWN], plain_search(triggers([OWN], decode=True))).matches(data)
    assert matches.items == []
    assert JOIN.search(b'"' + b" " * 100_000) is None
