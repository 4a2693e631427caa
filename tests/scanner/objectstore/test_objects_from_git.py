"""What becomes of the objects that git reads for the own reader, and of odd entry headers."""

from collections.abc import Iterator

import pytest

from keyfuse_scanner.objectstore import Limits
from keyfuse_scanner.objectstore.fallback import scan_with_git
from keyfuse_scanner.objectstore.headers import after_size, read_size
from keyfuse_scanner.objectstore.model import Damaged, GitObject, Scan, Unread
from keyfuse_scanner.objectstore.plan import Plan
from scanner.objectstore.stores import NoGit

ID = bytes(20)


class Lengths:
    """Says how long each object is."""

    def whole(self, _kind: int, data: bytes, /) -> tuple[str, int] | None:
        return ("whole", len(data)) if data else None

    def pieces(self, _kind: int, pieces: Iterator[bytes], /) -> tuple[str, int]:
        return "pieces", sum(map(len, pieces))


def looked_into(kind: str, size: int, pieces: Iterator[bytes] | list[bytes]) -> Scan:
    plan = Plan([], [], [], [], [], [])
    git = OneObject(GitObject(ID, kind, size, pieces))
    limits = Limits(whole=10, largest=100)
    return scan_with_git(plan, [ID], git=git, make_scanner=Lengths, limits=limits, skip=None)


class OneObject(NoGit):
    """Git that has one object to give."""

    def __init__(self, one: GitObject) -> None:
        self._one = one

    def read(self, object_ids: list[bytes]) -> Iterator[GitObject]:
        assert object_ids == [ID]
        yield self._one


def broken() -> Iterator[bytes]:
    yield b"abc"
    raise Damaged("it breaks off")


@pytest.mark.parametrize(
    ("kind", "size", "pieces", "found", "unread"),
    [
        ("blob", 3, [b"abc"], [(ID, ("whole", 3))], []),
        ("blob", 0, [], [], []),
        ("blob", 20, [b"abc"] * 7, [(ID, ("pieces", 21))], []),
        ("tree", 3, [b"abc"], [(ID, ("whole", 3))], []),
        ("gadget", 3, [b"abc"], [], [Unread("unknown type", ID)]),
        ("blob", 101, [b"abc"], [], [Unread("too large", ID)]),
        ("blob", 20, broken(), [], [Unread("it breaks off", ID)]),
    ],
)
def test_each_object_is_looked_into_or_named(kind, size, pieces, found, unread) -> None:
    scan = looked_into(kind, size, pieces)
    assert (scan.found, scan.unread) == (found, unread)
    # Only what was looked into counts: a refused object does not.
    assert scan.objects == (not unread)


def test_a_size_that_never_ends_is_damage() -> None:
    with pytest.raises(Damaged, match="size of an entry out of range"):
        read_size(b"\xff" * 64, 0)
    assert after_size(b"\xff" * 64, 0) == 0


def test_a_size_of_several_bytes_is_read() -> None:
    assert read_size(b"\xbf\x01", 0) == (0x1F, 2)
    assert after_size(b"\xbf\x01", 0) == 2
