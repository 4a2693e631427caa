"""Object stores for tests: made by git, or written byte by byte where git would not."""

import hashlib
import os
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from keyfuse_scanner.objectstore import BLOB, COMMIT, TAG, TREE, Damaged, GitObject, Scan
from keyfuse_scanner.objectstore.scanning import scan

NAMES = {COMMIT: "commit", TREE: "tree", BLOB: "blob", TAG: "tag"}
Content = tuple[str, bytes]


class Copy:
    """A scanner that tells everything it sees."""

    def whole(self, kind: int, data: bytes) -> Content:
        return NAMES[kind], data

    def pieces(self, kind: int, pieces: Iterator[bytes]) -> Content:
        return NAMES[kind], b"".join(pieces)


class Names:
    """A scanner that tells the id of what it sees."""

    def whole(self, kind: int, data: bytes) -> bytes:
        return object_id(kind, data)

    def pieces(self, kind: int, pieces: Iterator[bytes]) -> bytes:
        return object_id(kind, b"".join(pieces))


class GitReader:
    """Reads through git and remembers what it was asked for."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        self.asked: list[bytes] = []
        self.listed = False

    def object_ids(self) -> Iterator[bytes]:
        self.listed = True
        listing = ["cat-file", "--batch-all-objects", "--batch-check"]
        for line in git(self.repository, *listing, check=False).splitlines():
            yield bytes.fromhex(line.split()[0].decode())
        try:
            git(self.repository, *listing)
        except AssertionError as error:
            raise Damaged("git cannot list all objects") from error

    def read(self, object_ids: list[bytes]) -> Iterator[GitObject]:
        self.asked = object_ids
        for wanted in object_ids:
            answer = subprocess.run(
                ["git", "-C", self.repository, "cat-file", "--batch"],
                input=wanted.hex().encode() + b"\n",
                capture_output=True,
                check=False,
            ).stdout
            head, _, content = answer.partition(b"\n")
            fields = head.decode().split()
            if len(fields) == 3 and len(content) == int(fields[2]) + 1:
                yield GitObject(wanted, fields[1], int(fields[2]), [content[:-1]])


class NoGit:
    """Fails the test that makes the reader ask git."""

    def object_ids(self) -> Iterator[bytes]:
        raise AssertionError("git was asked for all ids")

    def read(self, object_ids: list[bytes]) -> Iterator[GitObject]:
        raise AssertionError(f"git was asked for {object_ids}")


def git(repository: Path, *arguments: str, feed: bytes = b"", check: bool = True) -> bytes:
    command = ["git", "-C", str(repository), *arguments]
    done = subprocess.run(command, input=feed, capture_output=True, check=False)
    assert done.returncode == 0 or not check, done.stderr.decode()
    return done.stdout


def as_git_sees(repository: Path) -> dict[bytes, Content]:
    """Return every object as git reads it."""
    output = git(repository, "cat-file", "--batch-all-objects", "--batch", "--unordered")
    objects = {}
    position = 0
    while position < len(output):
        end = output.index(b"\n", position)
        name, kind, size = output[position:end].split()
        position = end + 1 + int(size) + 1
        content = output[end + 1 : position - 1]
        objects[bytes.fromhex(name.decode())] = kind.decode(), content
    return objects


def read(repository: Path, reader: GitReader | None = None, **options: object) -> Scan[Content]:
    """Read everything in a repository, in this process unless asked otherwise."""
    options = {"jobs": 1, **options}
    return scan(directory(repository), Copy, reader or NoGit(), **options)  # type: ignore[arg-type]


def directory(repository: Path) -> Path:
    return repository / os.fsdecode(git(repository, "rev-parse", "--git-path", "objects").strip())


def new_repository(path: Path, *options: str) -> Path:
    subprocess.run(["git", "init", "-q", *options, str(path)], check=True)
    return path


def object_id(kind: int, data: bytes) -> bytes:
    return hashlib.sha1(b"%s %d\0" % (NAMES[kind].encode(), len(data)) + data).digest()


class Entry(NamedTuple):
    """An entry of a hand-made pack.

    Attributes:
        name: The id the index gives it; None leaves it out of the index.
        kind: 1 to 4, 6 (base: distance in entries) or 7 (base: an id).
        size: What the header announces, if not the truth.
        packed: The stream, if not what zlib makes of `data`.
        gap: Bytes of nothing in front of it.
    """

    name: bytes | None
    kind: int
    data: bytes
    base: int | bytes | None = None
    size: int | None = None
    packed: bytes | None = None
    gap: int = 0


def blob(data: bytes, **fields: object) -> Entry:
    return Entry(object_id(BLOB, data), BLOB, data, **fields)  # type: ignore[arg-type]


def delta(base: bytes, result: bytes, kind: int, link: int | bytes, **fields: object) -> Entry:
    """Return an entry that inserts all of `result`, after copying what both begin with."""
    pairs = zip(base[:0xFFFF], result, strict=False)
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    instructions = varint(len(base)) + varint(len(result))
    if common:
        instructions += b"\xb0" + struct.pack("<H", common)
    for at in range(common, len(result), 127):
        part = result[at : at + 127]
        instructions += bytes([len(part)]) + part
    return Entry(object_id(BLOB, result), kind, instructions, link, **fields)  # type: ignore[arg-type]


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def write_pack(
    repository: Path, entries: list[Entry], change_index: Callable[[bytes], bytes] | None = None
) -> Path:
    """Write a pack with its index; returns the pack."""
    folder = repository / ".git/objects/pack"
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / "tmp_pack"
    offsets: list[int] = []
    with temporary.open("wb") as file:
        file.write(b"PACK" + struct.pack(">II", 2, sum(each.name is not None for each in entries)))
        for number, each in enumerate(entries):
            file.seek(each.gap, os.SEEK_CUR)
            offsets.append(file.tell())
            file.write(_entry(each, number, offsets))
        end = file.tell()
    trailer = hashlib.sha1(repr((offsets, end, entries)).encode()).digest()
    with temporary.open("ab") as file:
        file.write(trailer)
    path = folder / f"pack-{trailer.hex()}.pack"
    temporary.rename(path)
    pairs = [
        (each.name, offset)
        for each, offset in zip(entries, offsets, strict=True)
        if each.name is not None
    ]
    index = _index(sorted(pairs), trailer)
    path.with_suffix(".idx").write_bytes(change_index(index) if change_index else index)
    return path


def _entry(each: Entry, number: int, offsets: list[int]) -> bytes:
    size = len(each.data) if each.size is None else each.size
    first, size = each.kind << 4 | size & 15, size >> 4
    head = bytes([first | 0x80]) + varint(size) if size else bytes([first])
    if isinstance(each.base, int):
        distance = offsets[number] - offsets[number - each.base]
        tail = [distance & 0x7F]
        while distance := distance >> 7:
            distance -= 1
            tail.append(distance & 0x7F | 0x80)
        head += bytes(reversed(tail))
    elif each.base is not None:
        head += each.base
    return head + (zlib.compress(each.data) if each.packed is None else each.packed)


def _index(pairs: list[tuple[bytes, int]], trailer: bytes) -> bytes:
    fanout = [sum(name[0] <= byte for name, _ in pairs) for byte in range(256)]
    far = [offset for _, offset in pairs if offset >= 1 << 31]
    near = [o if o < 1 << 31 else 1 << 31 | far.index(o) for _, o in pairs]
    body = b"".join(
        (
            b"\xfftOc\0\0\0\2",
            struct.pack(">256I", *fanout),
            *(name for name, _ in pairs),
            bytes(4 * len(pairs)),
            struct.pack(f">{len(near)}I", *near),
            struct.pack(f">{len(far)}Q", *far),
            trailer,
        )
    )
    return body + hashlib.sha1(body).digest()
