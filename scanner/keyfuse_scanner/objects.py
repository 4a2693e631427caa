"""Objects of a repository as documents, read through `git cat-file`.

One damaged object kills git; the others are read all the same.
"""

from collections.abc import Iterator
from contextlib import suppress

from keyfuse_scanner import gitstreams
from keyfuse_scanner.git import Repository
from keyfuse_scanner.gitbatch import BatchObject, MissingObject, TruncatedBatch, read_batch
from keyfuse_scanner.gitformat import parse_head, parse_tree
from keyfuse_scanner.model import Commit, Document, Place, Unscanned
from keyfuse_scanner.windows import PIECE

# Each damaged object costs one start of git.
_DAMAGED_MAX = 100
_UNPARSED_PLACES: dict[str, Place] = {"tag": "tag-message", "tree": "file-name"}


def read_objects(
    repository: Repository,
    object_ids: list[str],
    *,
    place: Place = "file",
    max_size: int | None = None,
) -> Iterator[Document | Unscanned]:
    """Yield the named objects; `place` is what blobs are called."""
    for entry in read_entries(repository, object_ids):
        if isinstance(entry, Unscanned):
            yield entry
        elif isinstance(entry, MissingObject):
            yield Unscanned("missing object", object_id=entry.object_id)
        else:
            yield from documents(entry, place, max_size)


def read_entries(
    repository: Repository, object_ids: list[str]
) -> Iterator[BatchObject | MissingObject | Unscanned]:
    """Yield the named objects as git has them, each to be taken before the next one."""
    begin = damaged = 0
    died_at = -1
    while begin < len(object_ids):
        if damaged == _DAMAGED_MAX:
            left = len(object_ids) - begin
            yield Unscanned(f"{left} objects left out: too many damaged ones")
            return
        with gitstreams.stream(
            repository, "cat-file", "--batch", "--buffer", feed=object_ids[begin:]
        ) as process:
            done = 0
            try:
                for entry in read_batch(process.stdout):
                    done += 1
                    yield entry
            except TruncatedBatch:
                done = max(0, done - 1)
            failure = process.failure()
        begin += done
        if begin == len(object_ids):
            return
        # Git may have been ended by something else: it is the object if it happens again.
        if begin != died_at:
            died_at = begin
        else:
            damaged += 1
            reason = failure.reason if failure else "git ended before it was read"
            yield Unscanned(f"damaged object: {reason}", object_id=object_ids[begin])
            begin += 1


def documents(
    entry: BatchObject, place: Place = "file", max_size: int | None = None
) -> Iterator[Document | Unscanned]:
    """Yield what is to be looked into of one object: its content, or its people, names and text."""
    if entry.kind == "blob":
        yield from _blob(entry, place, max_size)
    elif entry.size > PIECE:
        yield _unparsed(entry)
    elif entry.kind == "tree":
        yield _names(entry)
    else:
        yield from _parts(entry)


def _blob(entry: BatchObject, place: Place, max_size: int | None) -> Iterator[Document | Unscanned]:
    if max_size is not None and entry.size > max_size:
        yield Unscanned(f"{entry.size} bytes, over the limit", object_id=entry.object_id)
    else:
        yield Document(place, None, entry.object_id, _up_to_break(entry.pieces))


def _up_to_break(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what there is; that the rest is missing is seen where the next object is asked for."""
    with suppress(TruncatedBatch):
        yield from pieces


def _unparsed(entry: BatchObject) -> Document:
    """Return an object that is too large to be taken apart, as a whole."""
    commit = Commit(entry.object_id, b"", None) if entry.kind == "commit" else None
    place = _UNPARSED_PLACES.get(entry.kind, "commit-message")
    return Document(place, None, entry.object_id, _up_to_break(entry.pieces), commit)


def _names(entry: BatchObject) -> Document:
    """Return the names in a tree, with NUL between them: no name holds one."""
    data = b"".join(_up_to_break(entry.pieces))
    names = [name for _, name in parse_tree(data, len(entry.object_id) // 2)]
    return Document("file-name", None, entry.object_id, (b"\0".join(names),))


def _parts(entry: BatchObject) -> Iterator[Document]:
    """Yield who made a commit or a tag, and what he wrote."""
    head = parse_head(b"".join(_up_to_break(entry.pieces)))
    is_tag = entry.kind == "tag"
    commit = Commit(None if is_tag else entry.object_id, head.author, head.when)
    yield Document("author", None, entry.object_id, (head.people,), commit)
    message: Place = "tag-message" if is_tag else "commit-message"
    yield Document(message, None, entry.object_id, (head.message,), commit)
    if is_tag:
        yield Document("ref-name", None, entry.object_id, (head.name,), commit)
