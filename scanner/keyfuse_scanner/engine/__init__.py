"""Rules that are ready at once: one database over all of them, compiled once and kept.

Where the native library is not installed (musl, Intel macOS) the same is searched for without it:
slower, never different.
"""

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import keyfuse_rules

if TYPE_CHECKING:
    from keyfuse_rules.matching import Matcher
    from keyfuse_rules.model import Rule
    from keyfuse_rules.search import Hit, Signal
    from keyfuse_scanner.engine.cache import Compiled, PlainSignal

# Where installers put packages: a file there changes only with its folder.
_INSTALLED = frozenset(("site-packages", "dist-packages"))


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


_PLAIN = Facts("regex", "")


class Engine(NamedTuple):
    """Rules and the search for them.

    Attributes:
        hits: See `keyfuse_rules.search.Search`. An object without any holds no secret.
    """

    rules: "Sequence[Rule]"
    signals: "Sequence[PlainSignal]"
    hits: "Callable[[bytes], list[Hit]]"

    @property
    def asks_always(self) -> bool:
        """Tell whether some rule is to be asked about objects without hits, too."""
        from keyfuse_rules.search import UNLED

        return any(form == UNLED for form, *_ in self.signals)


def load_engine(
    key: Any = None,
    make: "Callable[[], Sequence[Rule]] | None" = None,
    *,
    decode: bool = True,
    cache: bool = True,
    native: bool = True,
) -> Engine:
    """Return rules, ready to be searched for.

    Args:
        key: Plain values that decide which rules these are, together with what comes with keyfuse.
        make: Returns them; without it, they are those that come with keyfuse. Called only where
            nothing is kept under the key.
        decode: Look into encoded text, too.
        cache: Use what was compiled before, and keep what is compiled now.
        native: False for the search without native code.
    """
    engine = kept_engine(key, decode=decode, native=native) if cache else None
    if engine is not None:
        return engine
    facts = engine_facts() if native else _PLAIN
    compiled = _compile(make, decode, facts)
    if cache:
        from keyfuse_scanner.engine.cache import store

        store(_key(key, decode, facts), compiled)
    return _engine(compiled)


def kept_engine(key: Any = None, *, decode: bool = True, native: bool = True) -> Engine | None:
    """Return rules as `load_engine` does, or None where they were not compiled before."""
    from keyfuse_scanner.engine.cache import load

    compiled = load(_key(key, decode, engine_facts() if native else _PLAIN))
    return None if compiled is None else _usable(compiled)


def load_matcher(
    rules: "Sequence[Rule] | None" = None,
    *,
    decode: bool = True,
    cache: bool = True,
    native: bool = True,
) -> "Matcher":
    """Return a matcher for some rules; None for those that come with keyfuse."""
    if rules is None:
        return matcher_of(load_engine(decode=decode, cache=cache, native=native))
    from keyfuse_scanner.engine.cache import packed_rules

    key = packed_rules(rules)
    engine = load_engine(key, lambda: rules, decode=decode, cache=cache, native=native)
    return matcher_of(engine._replace(rules=rules))


def matcher_of(engine: Engine) -> "Matcher":
    """Return what judges as well what an engine finds."""
    from keyfuse_rules.matching import Matcher
    from keyfuse_rules.search import Signal

    signals = tuple(Signal._make(fields) for fields in engine.signals)
    return Matcher(engine.rules, _Search(signals, engine.hits))


class _Search:
    """See `keyfuse_rules.search.Search`."""

    def __init__(self, signals: "Sequence[Signal]", hits: "Callable[[bytes], list[Hit]]") -> None:
        self.signals = signals
        self.hits = hits


def engine_facts() -> Facts:
    """Return which engine searches here, and why."""
    try:
        from keyfuse_scanner.engine import native
    except ImportError as error:
        return Facts("regex", "", f"hyperscan cannot be imported: {error}")
    return Facts("hyperscan", native.VERSION)


def _usable(compiled: "Compiled") -> Engine | None:
    """Return an engine, or None where the library refuses what was kept."""
    if not compiled.database:
        return _engine(compiled)
    import hyperscan

    try:
        return _engine(compiled)
    except hyperscan.error:
        return None


def _engine(compiled: "Compiled") -> Engine:
    hits: Callable[[bytes], list[Hit]]
    if compiled.database:
        from keyfuse_scanner.engine.native import NativeSearch, loaded

        hits = NativeSearch(compiled.numbers, loaded(compiled.database)).hits
    else:
        from keyfuse_rules.plainsearch import PlainSearch

        hits = PlainSearch((), compiled.needles).hits
    return Engine(compiled.rules, compiled.signals, hits)


def _compile(make: "Callable[[], Sequence[Rule]] | None", decode: bool, facts: Facts) -> "Compiled":
    from keyfuse_rules.triggers import triggers
    from keyfuse_scanner.engine.cache import Compiled

    if make is None:
        from keyfuse_rules.pack import default_rules

        make = default_rules
    # Nobody asks a match for the examples of its rule, and each hook would load them.
    rules = tuple(rule._replace(matches=(), ignores=()) for rule in make())
    wanted = triggers(rules, decode=decode)
    if facts.engine == "hyperscan":
        from keyfuse_scanner.engine.compiling import compiled

        made = compiled(wanted)
        return Compiled(rules, wanted.signals, made.numbers, made.database)
    from keyfuse_rules.plainsearch import needles

    return Compiled(rules, wanted.signals, needles=needles(wanted))


def _key(key: Any, decode: bool, facts: Facts) -> tuple[Any, ...]:
    """Return all that decides what is compiled.

    For another CPU than the one it was compiled for the library itself refuses a database.
    """
    what = (_stamp("providers"), _stamp(""), key)
    return facts.engine, facts.version, sys.platform, sys.version, decode, what


def what_decides(key: Any, *, decode: bool) -> tuple[Any, ...]:
    """Return plain values that change when a scan may find something else.

    Args:
        key: As for `load_engine`.
        decode: Whether encoded text and archives are looked into.
    """
    ours = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 - as below
    code = (_stamp("decoding"), _stamp("", ours), _stamp("archives", ours))
    return (*_key(key, decode, engine_facts()), code)


def _stamp(folder: str, root: str = keyfuse_rules.__path__[0]) -> tuple[Any, ...]:
    """Return what changes when a file that comes with keyfuse does: rules, or their code."""
    place = os.path.join(root, folder)  # noqa: PTH118 - pathlib costs a hook more than all of this
    if os.path.basename(os.path.dirname(root)) in _INSTALLED:  # noqa: PTH119, PTH120 - the same
        status = os.stat(place)  # noqa: PTH116 - the same
        return place, status.st_ino, status.st_mtime_ns, status.st_ctime_ns
    with os.scandir(place) as entries:
        found = [(entry.name, entry.stat()) for entry in entries if entry.is_file()]
    return tuple(sorted((name, status.st_size, status.st_mtime_ns) for name, status in found))
