"""Objects of a repository as documents, read through `git cat-file`.

One damaged object kills git; the others are read all the same.
"""

from collections.abc import Generator, Iterator
from contextlib import suppress

from keyfuse_scanner import git
from keyfuse_scanner.errors import GitFailed
from keyfuse_scanner.git import Repository, Stream
from keyfuse_scanner.gitformat import (
    BatchObject,
    MissingObject,
    TruncatedBatch,
    parse_head,
    parse_tree,
    read_batch,
)
from keyfuse_scanner.model import Commit, Document, Place, Unscanned
from keyfuse_scanner.windows import PIECE

# Each damaged object costs one start of git.
_DAMAGED_MAX = 100
_UNPARSED_PLACES: dict[str, Place] = {"tag": "tag-message", "tree": "file-name"}
_ALL = ("cat-file", "--batch-all-objects", "--unordered", "--buffer")


def all_objects(
    repository: Repository, *, max_size: int | None = None
) -> Iterator[Document | Unscanned]:
    """Yield every object in the repository's object store once, reachable or not."""
    with git.stream(repository, *_ALL, "--batch") as process:
        done, truncated = yield from _whole_objects(process, "file", max_size)
        if process.failure() is None and not truncated:
            return
    # The order of two runs is the same, so the first object that did not come whole is the one at
    # which git ended.
    try:
        listed = git.run(repository, *_ALL, "--batch-check=%(objectname)").decode("ascii").split()
    except GitFailed as failure:
        yield Unscanned(str(failure))
        return
    yield from read_objects(repository, listed[done:], max_size=max_size)


def read_objects(
    repository: Repository,
    object_ids: list[str],
    *,
    place: Place = "file",
    max_size: int | None = None,
) -> Iterator[Document | Unscanned]:
    """Yield the named objects; `place` is what blobs are called."""
    begin = 0
    for _ in range(_DAMAGED_MAX):
        if begin >= len(object_ids):
            return
        with git.stream(
            repository, "cat-file", "--batch", "--buffer", feed=object_ids[begin:]
        ) as process:
            done, _ = yield from _whole_objects(process, place, max_size)
            failure = process.failure()
        begin += done
        if begin < len(object_ids):
            reason = failure.reason if failure else "git ended before it was read"
            yield Unscanned(f"damaged object: {reason}", object_id=object_ids[begin])
            begin += 1
    if begin < len(object_ids):
        yield Unscanned(f"{len(object_ids) - begin} objects left out: too many damaged ones")


def _whole_objects(
    process: Stream, place: Place, max_size: int | None
) -> Generator[Document | Unscanned, None, tuple[int, bool]]:
    """Yield the documents of a batch; return how many objects came whole, and if one broke off."""
    begun = 0
    try:
        for entry in read_batch(process.stdout):
            begun += 1
            yield from _documents(entry, place, max_size)
    except TruncatedBatch:
        return max(0, begun - 1), True
    return begun, False


def _documents(
    entry: BatchObject | MissingObject, place: Place, max_size: int | None
) -> Iterator[Document | Unscanned]:
    if isinstance(entry, MissingObject):
        yield Unscanned("missing object", object_id=entry.object_id)
    elif entry.kind == "blob":
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
    data = b"".join(entry.pieces)
    names = [name for _, name in parse_tree(data, len(entry.object_id) // 2)]
    return Document("file-name", None, entry.object_id, (b"\0".join(names),))


def _parts(entry: BatchObject) -> Iterator[Document]:
    """Yield who made a commit or a tag, and what he wrote."""
    head = parse_head(b"".join(entry.pieces))
    is_tag = entry.kind == "tag"
    commit = Commit(None if is_tag else entry.object_id, head.author, head.when)
    yield Document("author", None, entry.object_id, (head.people,), commit)
    message: Place = "tag-message" if is_tag else "commit-message"
    yield Document(message, None, entry.object_id, (head.message,), commit)
    if is_tag:
        yield Document("ref-name", None, entry.object_id, (head.name,), commit)
