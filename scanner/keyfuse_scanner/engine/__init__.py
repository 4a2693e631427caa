"""Matchers that are ready at once: one database over all rules, compiled once and kept.

Where the native library is not installed (musl, Intel macOS) the same is searched for without it:
slower, never different.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import keyfuse_rules
from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import Rule
from keyfuse_scanner.engine.cache import Compiled


class Facts(NamedTuple):
    """Which engine searches here.

    Attributes:
        engine: `hyperscan` or `regex`.
        version: Of the library.
        reason: Why it is not the fast one; None where it is.
    """

    engine: str
    version: str
    reason: str | None = None


def load_matcher(
    rules: Sequence[Rule] | None = None,
    *,
    decode: bool = True,
    cache: bool = True,
    native: bool = True,
) -> Matcher:
    """Return a matcher.

    Args:
        rules: What to look for; None for the rules that come with keyfuse.
        decode: Look into encoded text, too.
        cache: Use what was compiled before, and keep what is compiled now.
        native: False for the search without native code.
    """
    facts = engine_facts() if native else Facts("regex", "")
    if not cache:
        return _matcher(_compile(rules, decode, facts), rules)
    from keyfuse_scanner.engine import cache as kept

    key = _key(rules, decode, facts)
    compiled = kept.load(key)
    if compiled is not None:
        matcher = _usable(compiled, rules)
        if matcher is not None:
            return matcher
    compiled = _compile(rules, decode, facts)
    kept.store(key, compiled)
    return _matcher(compiled, rules)


def is_kept(rules: Sequence[Rule] | None = None) -> bool:
    """Return whether a matcher for these rules is there already; see `load_matcher`."""
    from keyfuse_scanner.engine import cache as kept

    return kept.load(_key(rules, True, engine_facts())) is not None


def engine_facts() -> Facts:
    """Return which engine searches here, and why."""
    try:
        from keyfuse_scanner.engine import native
    except ImportError as error:
        return Facts("regex", "", f"hyperscan cannot be imported: {error}")
    return Facts("hyperscan", native.VERSION)


def _usable(compiled: Compiled, rules: Sequence[Rule] | None) -> Matcher | None:
    """Return a matcher, or None where the library refuses what was kept."""
    if not compiled.database:
        return _matcher(compiled, rules)
    import hyperscan

    try:
        return _matcher(compiled, rules)
    except hyperscan.error:
        return None


def _matcher(compiled: Compiled, rules: Sequence[Rule] | None) -> Matcher:
    rules = compiled.rules if rules is None else rules
    if compiled.database:
        from keyfuse_scanner.engine.native import NativeSearch, loaded

        search = NativeSearch(compiled.signals, compiled.numbers, loaded(compiled.database))
        return Matcher(rules, search)
    from keyfuse_rules.plainsearch import PlainSearch

    return Matcher(rules, PlainSearch(compiled.signals, compiled.needles))


def _compile(rules: Sequence[Rule] | None, decode: bool, facts: Facts) -> Compiled:
    """Compile rules; those that come with keyfuse become a part of the result."""
    from keyfuse_rules.triggers import triggers

    kept: tuple[Rule, ...] = ()
    if rules is None:
        from keyfuse_rules.pack import default_rules

        # Nobody asks a match for the examples of its rule, and each hook would load them.
        kept = tuple(rule._replace(matches=(), ignores=()) for rule in default_rules())
        rules = kept
    wanted = triggers(rules, decode=decode)
    if facts.engine == "hyperscan":
        from keyfuse_scanner.engine.native import compiled

        made = compiled(wanted)
        return Compiled(kept, wanted.signals, made.numbers, made.database)
    from keyfuse_rules.plainsearch import needles

    return Compiled(kept, wanted.signals, needles=needles(wanted))


def _key(rules: Sequence[Rule] | None, decode: bool, facts: Facts) -> tuple[Any, ...]:
    """Return all that decides what is compiled.

    For another CPU than the one it was compiled for the library itself refuses a database.
    """
    from keyfuse_scanner.engine.cache import packed_rules

    what = _sources() if rules is None else packed_rules(rules)
    return facts.engine, facts.version, sys.platform, sys.version, decode, what, _sources("")


def _sources(folder: str = "providers") -> tuple[tuple[str, int, int], ...]:
    """Return name, size and date of the files that come with keyfuse: rules, or their code."""
    root = f"{keyfuse_rules.__path__[0]}{os.sep}{folder}"
    with os.scandir(root) as entries:
        found = [(entry.name, entry.stat()) for entry in entries if entry.is_file()]
    return tuple(sorted((name, status.st_size, status.st_mtime_ns) for name, status in found))
