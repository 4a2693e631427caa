"""What git prints and stores, as values: parsers without I/O."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from keyfuse_scanner.gitchanges import GITLINK

_HEX = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?").fullmatch
_IDENTITY = re.compile(rb"(?P<author>.*?) ?(?P<when>-?\d{1,18}) [+-]\d{4,}", re.DOTALL).fullmatch


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
