"""What the own reader does not understand, git reads; what nobody can read is told."""

import os
import zlib
from itertools import pairwise
from pathlib import Path

import pytest

from keyfuse_scanner.objectstore import Limits, plan
from keyfuse_scanner.objectstore.model import BLOB, COMMIT
from scanner.objectstore.stores import (
    Entry,
    GitReader,
    as_git_sees,
    blob,
    delta,
    git,
    new_repository,
    object_id,
    read,
    write_pack,
)

TEXT = b"".join(b"line %d of some text\n" % number for number in range(400))
REF, OFS = 7, 6


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return new_repository(tmp_path / "repository")


def commit(repository: Path, *contents: bytes) -> None:
    for number, content in enumerate(contents):
        (repository / f"f{number}").write_bytes(content)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "some")


def packs(repository: Path, suffix: str) -> list[Path]:
    found = sorted((repository / ".git/objects/pack").glob(f"*.{suffix}"))
    for path in found:
        path.chmod(0o644)
    return found


def test_a_sha256_repository_is_read_by_git(tmp_path: Path) -> None:
    repository = new_repository(tmp_path / "sha256", "--object-format=sha256")
    commit(repository, TEXT, b"two")
    loose = dict(read(repository, GitReader(repository)).found)
    git(repository, "repack", "-adq")
    reader = GitReader(repository)
    result = read(repository, reader)
    assert dict(result.found) == loose == as_git_sees(repository)
    assert len(next(iter(loose))) == 32
    assert set(reader.asked) >= set(loose)
    assert result.unread == []


def test_a_version_1_index_is_read_by_git_and_the_rest_is_not(repository: Path) -> None:
    commit(repository, TEXT)
    git(repository, "-c", "pack.indexVersion=1", "repack", "-adq")
    commit(repository, TEXT + b"more")
    git(repository, "repack", "-dq")
    commit(repository, b"loose")
    reader = GitReader(repository)
    result = read(repository, reader)
    assert dict(result.found) == as_git_sees(repository)
    assert len(result.found) == len(as_git_sees(repository))
    assert object_id(BLOB, TEXT) in reader.asked
    assert object_id(BLOB, b"loose") not in reader.asked


def test_a_damaged_entry_is_read_by_git_from_elsewhere(repository: Path) -> None:
    """Exactly the damaged one, and what hangs on it, is asked for."""
    other = TEXT + b"and one more\n"
    git(repository, "hash-object", "-w", "--stdin", feed=other)
    pack = write_pack(
        repository, [blob(TEXT), delta(TEXT, other, OFS, 1), blob(b"sound"), blob(b"whole")]
    )
    data = bytearray(pack.read_bytes())
    data[40] ^= 0xFF
    pack.write_bytes(data)
    reader = GitReader(repository)
    result = read(repository, reader)
    assert reader.asked == [object_id(BLOB, TEXT), object_id(BLOB, other)]
    assert dict(result.found)[object_id(BLOB, other)] == ("blob", other)
    assert len(result.found) == 3
    assert [each.object_id for each in result.unread] == [object_id(BLOB, TEXT)]


def test_a_base_that_is_not_in_the_pack_is_git_s_affair(repository: Path) -> None:
    git(repository, "hash-object", "-w", "--stdin", feed=TEXT)
    entry = delta(TEXT, TEXT + b"tail", REF, object_id(BLOB, TEXT))
    write_pack(repository, [entry, blob(b"sound")])
    reader = GitReader(repository)
    result = read(repository, reader)
    assert reader.asked == [entry.name]
    assert {name for name, _ in result.found} >= {object_id(BLOB, TEXT), object_id(BLOB, b"sound")}
    assert len(result.found) + len(result.unread) == 3


def test_bases_by_id_may_come_later_in_the_pack(repository: Path) -> None:
    middle, last = TEXT + b"middle", TEXT + b"last"
    entries = [
        delta(middle, last, REF, object_id(BLOB, middle)),
        delta(last, last + b"!", OFS, 1),
        delta(TEXT, middle, REF, object_id(BLOB, TEXT)),
        blob(TEXT),
        Entry(object_id(COMMIT, b"x"), COMMIT, b"x"),
    ]
    write_pack(repository, entries)
    result = read(repository)
    assert dict(result.found) == as_git_sees(repository)
    assert len(result.found) == 5


def test_deltas_in_a_circle_are_told_and_never_given_to_git(repository: Path) -> None:
    """Git follows them for ever."""
    one, two = TEXT + b"one", TEXT + b"two"
    entries = [
        delta(two, one, REF, object_id(BLOB, two)),
        delta(one, two, REF, object_id(BLOB, one)),
        delta(two, two + b"more", OFS, 1),
        blob(b"sound"),
    ]
    write_pack(repository, entries)
    result = read(repository)
    assert [name for name, _ in result.found] == [object_id(BLOB, b"sound")]
    assert {each.object_id for each in result.unread} == {each.name for each in entries[:3]}


def test_a_base_left_out_of_the_index_hides_nothing(repository: Path) -> None:
    """Git reads such a delta; a reader that trusts the index alone would not see it."""
    hidden = delta(TEXT, TEXT + b"hidden", OFS, 1)
    write_pack(repository, [blob(TEXT)._replace(name=None), hidden, blob(b"sound")])
    reader = GitReader(repository)
    result = read(repository, reader)
    assert reader.asked == [hidden.name]
    assert dict(result.found) == as_git_sees(repository)
    assert len(result.found) == 2


@pytest.mark.parametrize("distance", [0, 100_000])
def test_an_impossible_base_is_told(repository: Path, distance: int) -> None:
    entry = delta(TEXT, TEXT + b"!", OFS, 0)
    if distance:
        entry = entry._replace(base=b"\x80\xff\x80\x01")
    write_pack(repository, [blob(b"sound"), entry])
    result = read(repository, GitReader(repository))
    assert [name for name, _ in result.found] == [object_id(BLOB, b"sound")]
    assert [each.object_id for each in result.unread] == [entry.name]


@pytest.mark.parametrize("kind", [0, 5])
def test_an_unknown_type_is_told(repository: Path, kind: int) -> None:
    write_pack(repository, [blob(b"sound"), _odd(kind)])
    result = read(repository, GitReader(repository))
    assert len(result.found) == len(result.unread) == 1


def _odd(kind: int) -> Entry:
    return blob(b"odd")._replace(kind=kind)


@pytest.mark.parametrize(
    "change",
    [
        lambda index: index[:-30],
        lambda index: index[:500],
        lambda index: index[:0],
        lambda index: b"\xfftOc\0\0\0\3" + index[8:],
        lambda index: index[:-40] + bytes(20) + index[-20:],
        lambda index: index[:8] + bytes(4 * 255) + index[8 + 4 * 255 :],
        lambda index: index[:-48] + b"\xff\xff\xff\xff" + index[-44:],
        lambda index: index[:-48] + b"\0\0\0\1" + index[-44:],
    ],
    ids=["cut", "cut short", "empty", "version", "other pack", "fanout", "far", "offset"],
)
def test_a_damaged_index_is_never_silent(repository: Path, change: object) -> None:
    """Git is asked; where it finds nothing either, the scan is incomplete."""
    write_pack(repository, [blob(TEXT), blob(b"two")], change)  # type: ignore[arg-type]
    result = read(repository, GitReader(repository))
    assert len(result.found) == 2 or result.unread


def test_entries_past_two_and_four_gibibytes_are_read(repository: Path) -> None:
    entries = [
        blob(TEXT),
        blob(b"past two", gap=(2 << 30) + 5),
        delta(TEXT, TEXT + b"two", OFS, 2),
        blob(b"past four", gap=(2 << 30) + 5),
        delta(TEXT, TEXT + b"four", OFS, 4),
        delta(TEXT, TEXT + b"by id", REF, object_id(BLOB, TEXT)),
    ]
    pack = write_pack(repository, entries)
    result = read(repository)
    pack.unlink()  # it looks larger than it is to what goes through the folder afterwards
    assert {name for name, _ in result.found} == {each.name for each in entries}
    assert dict(result.found)[entries[4].name or b""] == ("blob", TEXT + b"four")


def test_a_stream_longer_than_announced_is_refused(repository: Path) -> None:
    bomb = blob(b"small")._replace(packed=zlib.compress(bytes(200 << 20), 1))
    short = blob(b"longer than it is")._replace(packed=zlib.compress(b"short"))
    write_pack(repository, [bomb, short, blob(b"sound")])
    result = read(repository, GitReader(repository))
    assert [name for name, _ in result.found] == [object_id(BLOB, b"sound")]
    assert len(result.unread) == 2


def test_a_delta_that_claims_gigabytes_is_refused_without_git(repository: Path) -> None:
    base = bytes(1 << 20)
    copies = 4096
    instructions = b"\x80\x80\x40" + b"\x80\x80\x80\x80\x10" + b"\xf0\x00\x00\x10" * copies
    bomb = Entry(b"b" * 20, OFS, instructions, 1)
    after = delta(b"", b"x", OFS, 1)
    write_pack(repository, [blob(base), bomb, after, blob(b"sound")])
    result = read(repository)
    assert len(result.found) == 2
    assert {each.object_id for each in result.unread} == {bomb.name, after.name}
    assert all("too large" in each.reason for each in result.unread)


def test_a_large_object_comes_in_pieces_or_from_git(repository: Path) -> None:
    """Alone it is streamed; as the base of a delta git rebuilds it."""
    large = os.urandom(300_000)
    write_pack(
        repository, [blob(b"alone" + large), blob(large), delta(large, large + b"!", OFS, 1)]
    )
    reader = GitReader(repository)
    result = read(repository, reader, limits=Limits(whole=50_000, deltified=100_000))
    assert dict(result.found) == as_git_sees(repository)
    assert reader.asked == [object_id(BLOB, large), object_id(BLOB, large + b"!")]


def test_an_object_over_the_largest_size_is_told_wherever_it_is(repository: Path) -> None:
    large = os.urandom(9_000)
    write_pack(
        repository,
        [blob(large), delta(large, large + b"!", OFS, 1), delta(large, large[:9], OFS, 2)],
    )
    git(repository, "hash-object", "-w", "--stdin", feed=b"loose" + large)
    result = read(repository, limits=Limits(largest=1_000))
    assert [name for name, _ in result.found] == [object_id(BLOB, large[:9])]
    assert len(result.unread) == 3


def test_an_object_is_read_once_wherever_it_lies(tmp_path: Path, repository: Path) -> None:
    """In two packs, loose, and in an alternate."""
    commit(repository, TEXT, b"two")
    git(repository, "repack", "-q")
    commit(repository, TEXT + b"more")
    git(repository, "repack", "-aq")
    lender = new_repository(tmp_path / "lender")
    git(lender, "hash-object", "-w", "--stdin", feed=b"two")
    git(lender, "hash-object", "-w", "--stdin", feed=b"three")
    alternates = repository / ".git/objects/info/alternates"
    alternates.write_text("../../../lender/.git/objects\n")
    result = read(repository)
    assert len(packs(repository, "pack")) == 2
    assert len(result.found) == len(dict(result.found)) == len(as_git_sees(repository))
    assert dict(result.found) == as_git_sees(repository)


def test_alternates_may_form_a_circle(tmp_path: Path) -> None:
    one, two = (new_repository(tmp_path / name) for name in ("one", "two"))
    for mine, other in ((one, two), (two, one)):
        git(mine, "hash-object", "-w", "--stdin", feed=mine.name.encode())
        alternates = mine / ".git/objects/info/alternates"
        alternates.write_text(f"{other}/.git/objects\n{mine}/.git/objects\n")
    result = read(one)
    assert {content for _, (_, content) in result.found} == {b"one", b"two"}
    assert result.unread == []


def test_an_alternate_that_is_not_there_is_told(repository: Path) -> None:
    alternates = repository / ".git/objects/info/alternates"
    alternates.write_text('# comment\n"/nowhere/\\303\\244"\n')
    assert [each.reason for each in read(repository).unread] == [
        "an alternate object directory is not there"
    ]


def test_linked_worktrees_and_bare_repositories_are_read(tmp_path: Path, repository: Path) -> None:
    commit(repository, TEXT)
    git(repository, "worktree", "add", "-q", str(tmp_path / "linked"))
    git(tmp_path, "clone", "-q", "--bare", str(repository), "bare.git")
    expected = as_git_sees(repository)
    assert dict(read(tmp_path / "linked").found) == expected
    assert dict(read(tmp_path / "bare.git").found) == expected


def test_a_damaged_loose_object_is_told(repository: Path) -> None:
    name = git(repository, "hash-object", "-w", "--stdin", feed=TEXT).strip().decode()
    path = repository / f".git/objects/{name[:2]}/{name[2:]}"
    path.chmod(0o644)
    for content in (b"", b"junk", path.read_bytes()[:-6], zlib.compress(b"blob 3\0four")):
        path.write_bytes(content)
        result = read(repository, GitReader(repository))
        assert result.found == []
        assert [each.object_id for each in result.unread] == [bytes.fromhex(name)]


def test_a_pipe_in_the_store_does_not_hang_anybody(repository: Path) -> None:
    folder = repository / ".git/objects/ab"
    folder.mkdir()
    os.mkfifo(folder / ("0" * 38))
    for suffix in ("idx", "pack"):
        os.mkfifo(repository / f".git/objects/pack/pack-0.{suffix}")
    result = read(repository)
    assert sorted(each.reason for each in result.unread) == [
        "not a regular file",
        "pack-0.idx: not a regular file",
    ]


def test_objects_to_skip_are_not_looked_into(repository: Path) -> None:
    """Even if others hang on them; what only hangs on them is not inflated at all."""
    versions = [TEXT + b"version %d" % number for number in range(6)]
    entries = [blob(versions[0])]
    entries += [delta(one, two, OFS, 1) for one, two in pairwise(versions)]
    entries[5] = entries[5]._replace(packed=b"damaged, and never met")
    write_pack(repository, entries)
    kept = {entries[2].name, entries[3].name}
    skip = {each.name for each in entries} - kept
    result = read(repository, skip=skip)
    assert {name for name, _ in result.found} == kept
    assert result.objects == 2


def test_what_was_remembered_is_not_looked_into_again(repository: Path) -> None:
    """Only what is new since, packed or loose, and never twice."""
    commit(repository, TEXT)
    git(repository, "repack", "-dq")
    git(repository, "hash-object", "-w", "--stdin", feed=b"loose")
    first = read(repository)
    assert len(first.packs) == 1
    assert first.loose == {object_id(BLOB, b"loose")}
    git(repository, "hash-object", "-w", "--stdin", feed=b"new and loose")
    write_pack(repository, [blob(TEXT), blob(b"new and packed"), blob(b"loose")])
    second = read(repository, skip=first.loose, skip_packs=first.packs)
    assert sorted(content for _, (_, content) in second.found) == [
        b"new and loose",
        b"new and packed",
    ]
    assert second.packs > first.packs


def test_a_large_tree_is_cut_into_units(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One chain, and one base with many deltas on it."""
    monkeypatch.setattr(plan, "_SMALLEST_UNIT", 3_000)
    chain = [TEXT + b"%d" % number for number in range(60)]
    entries = [blob(chain[0])]
    entries += [delta(one, two, OFS, 1) for one, two in pairwise(chain)]
    entries += [
        delta(TEXT + b"0", TEXT + b"-%d" % number, OFS, 60 + number) for number in range(60)
    ]
    write_pack(repository, entries)
    prepared = plan.prepare(repository / ".git/objects", 1000)
    weights = [work.weight for work in prepared.work]
    assert len(weights) >= 8
    assert max(weights) < 9_000
    result = read(repository)
    assert len(result.found) == 120
    assert dict(result.found) == as_git_sees(repository)
