"""What git prints and stores, as values: parsers without I/O."""

import re
from collections.abc import Iterable, Iterator
from typing import IO, NamedTuple

from keyfuse_scanner.windows import PIECE

GITLINK = b"160000"
_HEX = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?").fullmatch
_IDENTITY = re.compile(rb"(?P<author>.*?) ?(?P<when>-?\d{1,18}) [+-]\d{4,}", re.DOTALL).fullmatch


class TruncatedBatch(Exception):
    """The output of `git cat-file --batch` ended in the middle of an object."""


class BatchObject(NamedTuple):
    """One object of `git cat-file --batch`; its pieces are to be taken before the next one."""

    object_id: str
    kind: str
    size: int
    pieces: Iterator[bytes]


class MissingObject(NamedTuple):
    """An object that git was asked for and does not have."""

    object_id: str


class Change(NamedTuple):
    """One entry of `--raw -z`: what a path was and is.

    `old_id` and `new_id` are None where the path did not or does not exist, or is not merged.
    """

    old_id: str | None
    new_id: str | None
    new_mode: bytes
    status: bytes
    path: bytes


class LogCommit(NamedTuple):
    """The head of one commit, or of one parent's side of a merge, in `LOG_FORMAT`."""

    commit_id: str
    author: bytes
    when: int | None


class TreeEntry(NamedTuple):
    """One name in a tree object."""

    mode: bytes
    name: bytes


class Head(NamedTuple):
    """A commit or an annotated tag taken apart.

    Attributes:
        people: Author and committer, or tagger, as they stand there, without the time.
        author: The first of them.
        when: Its time, seconds since 1970.
        name: Name of a tag, else empty.
        message: The message, and behind it the headers that are not understood.
    """

    people: bytes
    author: bytes
    when: int | None
    name: bytes
    message: bytes


LOG_FORMAT = "%H %at %an <%ae>"


def read_batch(stdout: IO[bytes]) -> Iterator[BatchObject | MissingObject]:
    """Yield the objects in the output of `git cat-file --batch`.

    Raises:
        TruncatedBatch: the output ends within an object, or is not of that form.
    """
    while header := stdout.readline():
        fields = header.split()
        if len(fields) == 2 and fields[1] in {b"missing", b"ambiguous"}:  # noqa: PLR2004
            yield MissingObject(fields[0].decode("ascii", "replace"))
            continue
        if len(fields) != 3 or not fields[2].isdigit():  # noqa: PLR2004 - id, type, size
            raise TruncatedBatch
        size = int(fields[2])
        pieces = _pieces(stdout, size)
        yield BatchObject(fields[0].decode("ascii"), fields[1].decode("ascii"), size, pieces)
        for _ in pieces:  # what the caller left
            pass
        if stdout.read(1) != b"\n":
            raise TruncatedBatch


def _pieces(stdout: IO[bytes], size: int) -> Iterator[bytes]:
    left = size
    while left:
        piece = stdout.read(min(left, PIECE))
        if not piece:
            raise TruncatedBatch
        left -= len(piece)
        yield piece


def zsplit(printed: bytes) -> list[bytes]:
    """Return what stands before each NUL byte of `-z` output."""
    return printed.split(b"\0")[:-1]


def read_tokens(stdout: IO[bytes], piece: int = 1 << 20) -> Iterator[bytes]:
    """Yield what stands between NUL bytes; what follows the last one counts if not empty."""
    rest = b""
    while data := stdout.read(piece):
        *tokens, rest = (rest + data).split(b"\0")
        yield from tokens
    if rest:
        yield rest


def parse_changes(tokens: Iterable[bytes]) -> Iterator[Change | LogCommit]:
    """Yield the heads (for `git log`) and the changes of `--raw -z --no-renames` output.

    A path stands alone in the token after its change, so no name is taken for anything else.
    """
    iterator = iter(tokens)
    for raw in iterator:
        token = raw.lstrip(b"\n")
        if token.startswith(b":"):
            _, new_mode, old_id, new_id, status = token.split(b" ")
            path = next(iterator, b"")
            yield Change(_object_id(old_id), _object_id(new_id), new_mode, status, path)
        elif token:
            commit_id, when, author = token.split(b" ", 2)
            yield LogCommit(commit_id.decode("ascii"), author, int(when) if when else None)


def _object_id(raw: bytes) -> str | None:
    return None if raw.strip(b"0") == b"" else raw.decode("ascii")


def parse_index(tokens: Iterable[bytes]) -> Iterator[tuple[str, int, bytes]]:
    """Yield object id, stage and path of `git ls-files --stage -z`, submodules left out."""
    for token in tokens:
        head, _, path = token.partition(b"\t")
        mode, object_id, stage = head.split(b" ")
        if mode != GITLINK:
            yield object_id.decode("ascii"), int(stage), path


def parse_listing(tokens: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield object id and path of the blobs in `git ls-tree -r -z`."""
    for token in tokens:
        head, _, path = token.partition(b"\t")
        _, kind, object_id = head.split(b" ")
        if kind == b"blob":
            yield object_id.decode("ascii"), path


def parse_tree(data: bytes, id_length: int) -> list[TreeEntry]:
    """Return the entries of a tree object; a damaged end is left out.

    Args:
        data: The object: `mode SP name NUL id`, again and again.
        id_length: Bytes of an object id, 20 or 32.
    """
    entries = []
    position = 0
    while (end := data.find(b"\0", position)) >= 0:
        mode, _, name = data[position:end].partition(b" ")
        entries.append(TreeEntry(mode, name))
        position = end + 1 + id_length
    return entries


def parse_head(data: bytes) -> Head:
    """Take a commit or an annotated tag apart. Anything odd stays in the message: it is scanned."""
    people: list[tuple[bytes, int | None]] = []
    name = b""
    others = []
    headers, _, message = data.partition(b"\n\n")
    for line in headers.split(b"\n"):
        key, _, value = line.partition(b" ")
        if key in {b"author", b"committer", b"tagger"}:
            people.append(_identity(value))
        elif key == b"tag":
            name = value
        elif line and not _is_link(key, value):
            others.append(line)
    author, when = people[0] if people else (b"", None)
    # Signatures and unknown headers can hold anything. They are looked into after the message, so
    # that line numbers are those of the message.
    if others:
        message += b"\n" + b"\n".join(others)
    return Head(b"\n".join(person for person, _ in people), author, when, name, message)


def _is_link(key: bytes, value: bytes) -> bool:
    if key == b"type":
        return value in {b"commit", b"tree", b"blob", b"tag"}
    return key in {b"tree", b"parent", b"object"} and _HEX(value) is not None


def _identity(value: bytes) -> tuple[bytes, int | None]:
    match = _IDENTITY(value)
    return (match["author"], int(match["when"])) if match else (value, None)
