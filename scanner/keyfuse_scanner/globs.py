"""Patterns of paths, as in .gitignore: `*` stays in a folder, `**` does not. Pure."""

import re
from collections.abc import Iterable

_PIECE = re.compile(
    r"(?P<deep>\*\*/)|(?P<rest>\*\*)|(?P<star>\*)|(?P<one>\?)|(?P<other>.)", re.DOTALL
)


def compile_globs(patterns: Iterable[str]) -> "re.Pattern[bytes] | None":
    """Return one expression that fits whole paths which any of the patterns names.

    A pattern without `/`, or with one at its end only, names files and folders at any depth. All
    that is in a folder that is named is named, too.
    """
    expressions = [_expression(pattern) for pattern in patterns]
    if not expressions:
        return None
    return re.compile("|".join(expressions).encode("utf-8", "surrogateescape"), re.DOTALL)


def _expression(pattern: str) -> str:
    bare = pattern.removeprefix("./").rstrip("/")
    anchored = "/" in bare
    below = "/.+" if pattern.endswith("/") else "(?:/.+)?"
    body = "".join(_translate(piece) for piece in _PIECE.finditer(bare.removeprefix("/")))
    return f"(?:{'' if anchored else '(?:.*/)?'}{body}{below})"


def _translate(piece: "re.Match[str]") -> str:
    if piece["deep"]:
        return "(?:.*/)?"
    if piece["rest"]:
        return ".*"
    if piece["star"]:
        return "[^/]*"
    return "[^/]" if piece["one"] else re.escape(piece["other"])
