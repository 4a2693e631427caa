"""The regular expressions of rules: ours run with `re`, those of others with a time limit.

`re` is loaded already where a hook begins, and compiles three times as fast as `regex`. What it has
not is a time limit. Ours need none: a test runs them over hostile text, and another one holds both
libraries to the same matches.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from keyfuse_rules.model import Rule

if TYPE_CHECKING:
    import regex

    Found = re.Match[bytes] | regex.Match[bytes]

_TIMEOUT_SECONDS = 1.0
# `regex` also knows the way in which others write this.
_NAMED_GROUP = re.compile(r"\(\?<(?=[A-Za-z_])")


class Expression(Protocol):
    """A compiled expression; whoever uses it expects a `TimeoutError`."""

    def match(self, data: bytes, start: int, end: int, /) -> "Found | None":
        """Match at `start`, in what ends at `end`."""

    def finditer(self, data: bytes, /) -> "Iterator[Found]":
        """Yield matches, one behind the other."""


def expression(rule: Rule) -> Expression:
    """Return the whole expression of a rule."""
    return compiled(rule.expression, bounded=rule.bounded)


def compiled(pattern: str, *, bounded: bool) -> Expression:
    """Return an expression; `bounded` says that it needs no time limit."""
    if bounded:
        return re.compile(python_syntax(pattern).encode())
    return _Timed(pattern)


def holds(pattern: str, data: bytes, *, bounded: bool) -> bool:
    """Tell whether an expression matches somewhere.

    Raises:
        TimeoutError: that took too long to tell.
    """
    return next(compiled(pattern, bounded=bounded).finditer(data), None) is not None


def python_syntax(pattern: str) -> str:
    """Return an expression as `re` writes it."""
    return _NAMED_GROUP.sub("(?P<", pattern)


class _Timed:
    def __init__(self, pattern: str) -> None:
        import regex

        self._pattern = regex.compile(pattern.encode())

    def match(self, data: bytes, start: int, end: int, /) -> "regex.Match[bytes] | None":
        return self._pattern.match(data, start, end, timeout=_TIMEOUT_SECONDS)

    def finditer(self, data: bytes, /) -> "Iterator[regex.Match[bytes]]":
        return self._pattern.finditer(data, timeout=_TIMEOUT_SECONDS)
