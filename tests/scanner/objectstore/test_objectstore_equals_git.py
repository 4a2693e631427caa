"""Whatever git makes of a repository, the own reader sees in it exactly what git sees."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyfuse_scanner.objectstore import Limits, plan
from keyfuse_scanner.objectstore.scanning import scan
from scanner.objectstore.stores import (
    Names,
    NoGit,
    as_git_sees,
    directory,
    git,
    new_repository,
    read,
)

_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("commits"), st.integers(1, 12), st.integers(0, 1 << 30)),
        st.tuples(st.just("repack"), st.integers(0, 60), st.integers(0, 30)),
        st.tuples(st.just("pack the new"), st.booleans(), st.just(0)),
        st.tuples(st.just("by id"), st.just(0), st.just(0)),
        st.tuples(st.just("forget"), st.just(0), st.just(0)),
        st.tuples(st.just("cruft"), st.just(0), st.just(0)),
        st.tuples(st.just("unpack"), st.just(0), st.just(0)),
        st.tuples(st.just("gc"), st.just(0), st.just(0)),
        st.tuples(st.just("multi-pack"), st.just(0), st.just(0)),
        st.tuples(st.just("borrow"), st.just(0), st.just(0)),
    ),
    min_size=1,
    max_size=6,
)
_LIMITS = st.builds(
    Limits,
    whole=st.sampled_from((64, 4_000, 1 << 24)),
    deltified=st.just(1 << 25),
    largest=st.just(1 << 40),
    rebuilt=st.just(1 << 29),
    held=st.sampled_from((0, 60_000, 1 << 24)),
)


@settings(max_examples=40, deadline=None)
@given(_STEPS, _LIMITS, st.sampled_from((500, 20_000, 1 << 20)))
def test_the_own_reader_sees_what_git_sees(
    steps: list[tuple[str, int, int]], limits: Limits, unit: int
) -> None:
    """Ids, types and bytes, with no help of git, in units of any size."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "_SMALLEST_UNIT", unit)
        patch.setattr(plan, "_UNITS_PER_JOB", 10_000)
        repository = build(Path(folder), steps)
        result = read(repository, limits=limits)
        seen = as_git_sees(repository)
        assert result.unread == []
        assert len(result.found) == len(seen)
        assert dict(result.found) == seen
        assert result.objects == len(seen)
        assert result.size == sum(len(content) for _, content in seen.values())


def test_every_object_of_a_generated_repository_has_the_id_of_its_content(tmp_path: Path) -> None:
    """SHA-1 over what was read, from several packs and loose objects."""
    steps = [("commits", 40, 7), ("repack", 50, 20), ("commits", 9, 8), ("pack the new", 1, 0)]
    repository = build(tmp_path, [*steps, ("commits", 5, 9)])
    result = scan(directory(repository), Names, NoGit(), jobs=1)
    assert result.objects == len(result.found) > 90
    assert all(object_id == made for object_id, made in result.found)


def build(folder: Path, steps: list[tuple[str, int, int]]) -> Path:
    """Return a repository after some steps, each of them possible at any time."""
    repository = new_repository(folder / "repository")
    for name, first, second in steps:
        if name == "commits":
            history = fast_import(random.Random(second), first)
            git(repository, "fast-import", "--quiet", "--force", feed=history)
        elif name == "repack":
            git(repository, "repack", "-adfq", f"--depth={first}", f"--window={second}")
        elif name == "by id":
            git(repository, "-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq")
        elif name == "pack the new":
            git(repository, "repack", "-q", *(["-d"] if first else []))
        elif name == "forget":
            git(repository, "update-ref", "-d", "refs/heads/side")
        elif name == "cruft":
            git(repository, "repack", "-q", "--cruft", "-d")
        elif name == "unpack":
            unpack(repository)
        elif name == "gc":
            git(repository, "gc", "-q", "--prune=now")
        elif name == "multi-pack":
            git(repository, "multi-pack-index", "write", check=False)
        elif name == "borrow":
            repository = borrow(repository)
    return repository


def fast_import(choose: random.Random, commits: int) -> bytes:
    """Return a history with merges, tags, and files that change a little or much."""
    out = bytearray()
    lines = [choose.randbytes(choose.randrange(1, 60)).hex().encode() for _ in range(200)]
    tag = choose.randrange(1 << 30)
    for number in range(1, commits + 1):
        branch = choose.choice((b"main", b"side"))
        message = choose.randbytes(choose.randrange(30)).hex().encode()
        out += b"commit refs/heads/%s\nmark :%d\n" % (branch, number)
        out += b"committer A <a@example.com> %d +0000\n" % choose.randrange(1 << 30)
        out += b"data %d\n%s\n" % (len(message), message)
        if number > 3 and choose.random() < 0.3:
            out += b"merge :%d\n" % choose.randrange(1, number)
        for _ in range(choose.randrange(1, 4)):
            lines[choose.randrange(len(lines))] = choose.randbytes(9).hex().encode()
            size = choose.choice((0, 1, 20, len(lines)))
            content = b"\n".join(lines[:size])
            path = b"f%d" % choose.randrange(3)
            out += b"M 100644 inline %s\ndata %d\n%s\n" % (path, len(content), content)
        if choose.random() < 0.2:
            out += b"tag t%d-%d\nfrom :%d\ntagger A <a@example.com> 1 +0000\ndata 1\nx\n" % (
                tag,
                number,
                number,
            )
    return bytes(out)


def unpack(repository: Path) -> None:
    """Turn all packs into loose objects."""
    folder = repository / ".git/objects/pack"
    for pack in folder.glob("*.pack"):
        data = pack.read_bytes()
        for file in folder.glob(f"{pack.stem}.*"):
            file.unlink()
        (folder / "multi-pack-index").unlink(missing_ok=True)
        git(repository, "unpack-objects", "-q", feed=data)


def borrow(lender: Path) -> Path:
    """Return a new repository with the objects of another as alternates."""
    repository = new_repository(lender.with_name(lender.name + "-borrower"))
    alternates = repository / ".git/objects/info/alternates"
    alternates.write_text(f"# borrowed\n{lender}/.git/objects\n")
    return repository
