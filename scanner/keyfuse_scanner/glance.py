"""A first look at what is staged: most commits hold nothing, and a hook shall say so at once.

Nothing is judged here. Where a search gives a hit, or anything is out of the ordinary, the whole
way has to be gone, with what was read already. What is clean here is clean there, too.
"""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from keyfuse_scanner import git
from keyfuse_scanner.archives.kinds import HEAD_LENGTH, archive_kind
from keyfuse_scanner.gitbatch import MissingObject, TruncatedBatch, read_batch
from keyfuse_scanner.spawning import CAN_SPAWN, PIPE_SIZE, Spawned

if TYPE_CHECKING:
    from keyfuse_scanner.engine import Engine
    from keyfuse_scanner.policy_files import Settings
    from keyfuse_scanner.sources.staged import Staged

_ID_LENGTH = 65  # of SHA-256, and a line break
_AT_ONCE = PIPE_SIZE // _ID_LENGTH
_LARGEST, _HELD = 1024 * 1024, 32 * 1024 * 1024


class Glimpse(NamedTuple):
    """What a first look showed.

    Attributes:
        engine: The rules in force.
        staged: What is staged, with its contents.
        is_clean: True where no rule is to be asked about anything.
        lists: Where lists of known secrets would stand.
    """

    engine: "Engine"
    staged: "Staged"
    is_clean: bool
    lists: tuple[str, ...] = ()

    @property
    def objects(self) -> int:
        """How many files were looked into."""
        return len(self.staged.contents)

    @property
    def size(self) -> int:
        """How many bytes they and new names have."""
        texts = (*self.staged.contents.values(), *self.staged.added)
        return sum(len(text) for text in texts)


def glance(*, decode: bool = True) -> Glimpse | None:
    """Look at what is staged; None where that has to be done thoroughly.

    Raises:
        GitMissing: there is no git.
    """
    if not CAN_SPAWN:
        return None
    from keyfuse_scanner.sources.staged import DIFF

    # Both start while this process still loads what it needs.
    diff = git.spawned(*DIFF, "HEAD", "--")
    objects = git.spawned("cat-file", "--batch")
    try:
        settings = _settings()
        engine = None if settings is None else _engine(settings, decode=decode)
        if settings is None or engine is None:
            return None
        seen = _look(engine, settings.get("max_file_size"), diff, objects)
        return seen and seen._replace(lists=_lists(settings))
    except (OSError, TruncatedBatch):
        return None
    finally:
        diff.stop()
        objects.stop()


def _settings() -> "Settings | None":
    """Return what the policy says; None where that was not parsed before."""
    from keyfuse_scanner.policy_files import folders, kept, policy_files

    for folder in folders(os.getcwd()):  # noqa: PTH109 - a hook cannot afford pathlib
        for file in policy_files(folder):
            known = kept(file)
            if known is None:
                return None
            if known.settings is not None:
                return {**known.settings, "source": file.path}
    return {}


def _engine(settings: "Settings", *, decode: bool) -> "Engine | None":
    """Return the engine for the rules that a policy asks for, if it was compiled before."""
    from keyfuse_scanner.engine import kept_engine
    from keyfuse_scanner.ruleset import SETTINGS, beside, ruleset

    chosen = {name: settings[name] for name in SETTINGS if name in settings}
    files = beside(settings.get("source", ""), settings.get("rule_files", ()))
    return kept_engine(ruleset(**chosen, rule_files=files), decode=decode)


def _lists(settings: "Settings") -> tuple[str, ...]:
    from keyfuse_scanner.policy_files import BASELINE, IGNORE_FILE, folders, root

    source = settings.get("source")
    folder = os.path.dirname(source) if source else root(folders(os.getcwd()))  # noqa: PTH109, PTH120 - as above
    names = (settings.get("ignore_file", IGNORE_FILE), settings.get("baseline", BASELINE))
    return tuple(os.path.join(folder, name) for name in names)  # noqa: PTH118 - as above


def _look(
    engine: "Engine", max_size: int | None, diff: Spawned, objects: Spawned
) -> Glimpse | None:
    from keyfuse_scanner.sources.staged import parse_staged, staged_side, unmerged_paths

    changes = parse_staged(diff.stdout.read())
    if not diff.succeeds() or unmerged_paths(changes):
        return None
    found = staged_side(changes)
    reader = _Reader(objects, _LARGEST if max_size is None else min(max_size, _LARGEST))
    contents = reader.read(object_id for object_id, _ in found.new)
    if not reader.is_complete:
        return None
    if _is_clean(engine, contents.values(), found.added):
        return Glimpse(engine, found._replace(contents=contents), is_clean=True)
    merging = reader.has("MERGE_HEAD")
    contents |= reader.read(object_id for object_id, _ in found.old)
    return Glimpse(engine, found._replace(contents=contents, merging=merging), is_clean=False)


class _Reader:
    """Reads blobs that are small enough to be held, from `git cat-file --batch`."""

    def __init__(self, objects: Spawned, largest: int) -> None:
        self._objects = objects
        self._batch = read_batch(objects.stdout)
        self._largest = largest
        self._left = _HELD
        self.is_complete = True

    def read(self, object_ids: Iterable[str]) -> dict[str, bytes]:
        """Return contents by id, until something is not there or is too large."""
        wanted = list(dict.fromkeys(object_ids))
        contents: dict[str, bytes] = {}
        for begin in range(0, len(wanted), _AT_ONCE):
            # No more at once than a pipe holds, or both sides would wait for each other.
            some = wanted[begin : begin + _AT_ONCE]
            self._objects.tell("".join(f"{object_id}\n" for object_id in some).encode("ascii"))
            for object_id, entry in zip(some, self._batch, strict=False):
                if isinstance(entry, MissingObject) or not self._can_hold(entry.size):
                    self.is_complete = False
                    return contents
                contents[object_id] = b"".join(entry.pieces)
        self.is_complete = len(contents) == len(wanted)
        return contents

    def has(self, name: str) -> bool:
        """Tell whether an object of that name may be there."""
        self._objects.tell(f"{name}\n".encode("ascii"))
        return not isinstance(next(self._batch, None), MissingObject)

    def _can_hold(self, size: int) -> bool:
        self._left -= size
        return size <= self._largest and self._left >= 0


def _is_clean(engine: "Engine", contents: Iterable[bytes], names: Iterable[bytes]) -> bool:
    hits = engine.hits
    return not (
        engine.asks_always
        or any(hits(name) for name in names)
        or any(hits(content) or archive_kind(content[:HEAD_LENGTH]) for content in contents)
    )
