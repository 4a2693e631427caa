"""Patterns of paths, as in .gitignore: `*` stays in a folder, `**` does not. Pure."""

import re
from collections.abc import Iterable, Sequence

_PIECE = re.compile(
    r"(?P<deep>(?:(?<=/)|\A)(?:\*\*/)+)|(?P<rest>\*\*+)|(?P<star>\*)|(?P<one>\?)|(?P<other>.)",
    re.DOTALL,
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
    body = _body(_PIECE.finditer(f"{'' if anchored else '**/'}{bare.removeprefix('/')}"))
    return f"(?:{body}{below})"


def _body(pieces: Iterable["re.Match[str]"]) -> str:
    """Translate the pieces of a pattern so that no path is tried in ever so many ways.

    What stands between two stars may as well stand at the first place where it fits, so that place
    is not given back. Only the last star of either kind is tried further, as what stands behind it
    has to end with the path.
    """
    deep = [[""]]
    for piece in pieces:
        if piece["deep"] or piece["rest"]:
            deep.append(["(?:.*?/)??" if piece["deep"] else ".*?"])
        elif piece["star"]:
            deep[-1].append("[^/]*?")
        else:
            deep[-1][-1] += "[^/]" if piece["one"] else re.escape(piece["other"])
    *others, last = deep
    return "".join(f"(?>{_first(stars)})" for stars in others) + _first(last[:-1]) + last[-1]


def _first(stars: Sequence[str]) -> str:
    """Return an expression for parts that begin with a star, each at the first place that fits."""
    head, *others = stars or [""]
    return head + "".join(f"(?>{star})" for star in others)
