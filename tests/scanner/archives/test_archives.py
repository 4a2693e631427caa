"""What is in archives is seen, in one another, too; what would cost too much is said."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyfuse_scanner.archives.kinds import archive_kind
from keyfuse_scanner.archives.model import LIMITS, Limits, Refused
from keyfuse_scanner.archives.unpacking import members

CONTENT = b"the content of a member\n"
MEBIBYTE = 1024 * 1024


def make_zip(*contents: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("folder/", b"")
        for number, content in enumerate(contents):
            archive.writestr(f"folder/{number}", content)
    return stream.getvalue()


def make_tar(*contents: bytes, form: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for number, content in enumerate(contents):
            entry = tarfile.TarInfo(f"{'folder' * 15}/{'name' * 15}-{number}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def make_zstd(content: bytes) -> bytes:
    zstd = pytest.importorskip("backports.zstd")
    return zstd.compress(content)


MAKERS: dict[str, Callable[[bytes], bytes]] = {
    "zip": make_zip,
    "tar": make_tar,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": make_zstd,
}


def _contents(data: bytes, limits: Limits = LIMITS) -> list[tuple[tuple[str, ...], bytes]]:
    return [
        (entry.steps, b"".join(entry.pieces))
        for entry in members(data, limits)
        if not isinstance(entry, Refused)
    ]


def _refusals(data: bytes, limits: Limits = LIMITS) -> list[str]:
    reasons = []
    for entry in members(data, limits):
        if isinstance(entry, Refused):
            reasons.append(entry.reason)
        else:
            for _ in entry.pieces:
                pass
    return reasons


@pytest.mark.parametrize("kind", MAKERS)
def test_each_kind_is_told_by_its_head_and_looked_into(kind: str) -> None:
    data = MAKERS[kind](CONTENT)
    assert archive_kind(data[:512]) == kind
    assert ((kind,), CONTENT) in _contents(data)
    assert _refusals(data) == []


@pytest.mark.parametrize("outer", MAKERS)
@pytest.mark.parametrize("inner", MAKERS)
def test_archives_within_archives_are_looked_into(outer: str, inner: str) -> None:
    data = MAKERS[outer](MAKERS[inner](CONTENT))
    assert ((outer, inner), CONTENT) in _contents(data)


@pytest.mark.parametrize(
    "head", [b"", b"PK", b"PK\x03\x05", b"BZh", b"BZhello, world", b"\xfd7zip", b"plain text" * 90]
)
def test_what_merely_looks_like_an_archive_is_none(head: bytes) -> None:
    assert archive_kind(head) is None


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_zip_members_are_read_however_they_are_compressed(method: int) -> None:
    data = make_zip(CONTENT, b"", b"second", method=method)
    assert [content for _, content in _contents(data)] == [CONTENT, b"", b"second"]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar_members_are_read_in_every_format(form: int) -> None:
    sizes = (0, 1, 511, 512, 513, 3 * MEBIBYTE)
    wanted = [os.urandom(size) for size in sizes]
    contents = [content for _, content in _contents(make_tar(*wanted, form=form))]
    assert [content for content in contents if content in wanted] == wanted[1:]


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz", "zstd"])
def test_streams_in_a_row_are_one(kind: str) -> None:
    data = MAKERS[kind](b"first ") + MAKERS[kind](b"") + MAKERS[kind](b"second")
    assert _contents(data) == [((kind,), b"first second")]


@pytest.mark.parametrize("kind", MAKERS)
def test_a_truncated_archive_gives_what_there_is_and_no_reason(kind: str) -> None:
    content = os.urandom(200_000)
    data = MAKERS[kind](content)
    for size in (len(data) // 2, 600, 20):
        assert _refusals(data[:size]) == []
        for _, part in _contents(data[:size]):
            assert part in content or part == b"" or kind == "tar"


def test_a_damaged_member_hides_no_other() -> None:
    data = bytearray(make_zip(gzip.compress(CONTENT)[:-9], CONTENT * 3, b"last"))
    contents = [content for _, content in _contents(bytes(data))]
    assert contents[-2:] == [CONTENT * 3, b"last"]


def test_a_member_without_a_name_is_looked_into() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        nameless = zipfile.ZipInfo()
        nameless.filename = ""
        archive.writestr(nameless, CONTENT)
    assert _contents(stream.getvalue()) == [(("zip",), CONTENT)]


def test_zstd_with_a_dictionary_is_said() -> None:
    zstd = pytest.importorskip("backports.zstd")
    samples = [f"number {number} of many that are alike".encode() * 3 for number in range(999)]
    data = zstd.compress(CONTENT, zstd_dict=zstd.train_dict(samples, 4_096))
    assert _refusals(data) == ["it cannot be unpacked without its dictionary"]


def test_an_encrypted_member_is_said() -> None:
    data = bytearray(make_zip(CONTENT))
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(magic) + flags] |= 1
    assert _refusals(bytes(data)) == ["a member is encrypted"]


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(sorted(MAKERS)), cut=st.integers(0, 400), rest=st.binary(max_size=60))
def test_no_damage_raises(kind: str, cut: int, rest: bytes) -> None:
    data = MAKERS[kind](make_zip(CONTENT * 20))
    damaged = data[: cut % len(data)] + rest + data[cut % len(data) + len(rest) :]
    _refusals(damaged)


def test_members_beyond_the_limit_are_said() -> None:
    few = LIMITS._replace(members=3)
    for data in (make_zip(*[b"x"] * 9), make_tar(*[b"x"] * 9)):
        assert _refusals(data, few) == ["it has too many members"]


def test_streams_without_content_are_counted() -> None:
    assert _refusals(gzip.compress(b"") * 10_001) == ["it has too many members"]


def test_archives_deeper_than_the_limit_are_said() -> None:
    data = CONTENT
    for _ in range(4):
        data = gzip.compress(data)
    assert _refusals(data, LIMITS._replace(depth=3)) == [
        "archives within archives, too many of them"
    ]
    assert _contents(data, LIMITS._replace(depth=4)) == [(("gzip",) * 4, CONTENT)]


def test_a_zip_that_is_too_large_as_a_whole_is_said() -> None:
    data = make_zip(os.urandom(5_000))
    assert _refusals(data, LIMITS._replace(whole=4_000)) == [
        "an archive is too large to be looked into"
    ]


def test_what_takes_too_long_is_said() -> None:
    clock = iter(range(0, 1_000, 20))
    entries = members(gzip.compress(bytes(5 * MEBIBYTE)), clock=lambda: float(next(clock)))
    reasons = []
    for entry in entries:
        if isinstance(entry, Refused):
            reasons.append(entry.reason)
        else:
            for _ in entry.pieces:
                pass
    assert reasons == ["it takes too long to unpack"]


def test_without_its_library_zstd_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    data = make_zstd(CONTENT)
    for name in ("compression", "backports", "backports.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    (reason,) = _refusals(data)
    assert "backports.zstd" in reason


def test_xz_that_wants_too_much_memory_is_said() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 256 * MEBIBYTE}]
    data = lzma.compress(CONTENT, filters=filters)
    assert _refusals(data) == ["it takes too much memory to unpack"]


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz", "zstd"])
@pytest.mark.parametrize("content", [CONTENT, CONTENT * 100])
def test_what_stands_before_damage_is_looked_into(kind: str, content: bytes) -> None:
    data = MAKERS[kind](content) + b"what does not belong there"
    assert _contents(data) == [((kind,), content)]


def test_what_stands_before_a_limit_is_looked_into() -> None:
    large = lzma.compress(b"x", format=lzma.FORMAT_XZ, filters=[LARGE_DICTIONARY])
    data = lzma.compress(CONTENT) + large
    assert (("xz",), CONTENT) in _contents(data)
    assert _refusals(data) == ["it takes too much memory to unpack"]


LARGE_DICTIONARY = {"id": lzma.FILTER_LZMA2, "dict_size": 256 * MEBIBYTE}
