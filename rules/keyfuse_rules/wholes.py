"""Search for all of a rule's expression, where its literals say little. Pure.

A name such as `password` or `https://` stands in most objects, a secret behind it in few. So for a
rule with context the whole expression goes into the search, a little widened: that it may be there
is all that is asked; what is there is found as ever.
"""

import re

from keyfuse_rules.expressions import python_syntax
from keyfuse_rules.model import Rule

# Bounds of more than two digits blow up an automaton, and are of no interest here.
_WIDE_REPEAT = re.compile(r"(?<!\\)\{([0-9]+),[0-9]{2,}\}")
# What means one thing in Python and another elsewhere: `{,3}`, sets in sets, flags of Python.
_DIALECT = re.compile(r"\{,|\[\[|--|&&|~~|\|\||\(\?[aLuVbefprw(]|\(\?-|\\[pPNGKRXhHL<>]")


def whole_expression(rule: Rule) -> bytes | None:
    """Return an expression that stands wherever the rule matches, or None where there is none.

    It is of a syntax that `re` and PCRE have in common.
    """
    text = rule.expression
    if not rule.has_context or not rule.literals or _DIALECT.search(text):
        return None
    try:
        re.compile(python_syntax(text).encode())
    except re.error:
        return None
    return _WIDE_REPEAT.sub(r"{\1,}", text.replace("(?<secret>", "(?:")).encode()
