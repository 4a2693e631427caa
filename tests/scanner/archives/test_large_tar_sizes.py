"""Sizes in tar headers: octal, and base 256 where a member is too large for octal."""

import io
import tarfile

import pytest

from keyfuse_scanner.archives.model import Member, Refused
from keyfuse_scanner.archives.unpacking import members


def with_size(field: bytes, data: bytes) -> bytes:
    """A tar of one member whose size field reads so, with the checksum made right again."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        info = tarfile.TarInfo("member.txt")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    raw = bytearray(file.getvalue())
    raw[124:136] = field
    raw[148:156] = b" " * 8
    raw[148:156] = f"{sum(raw[:512]):06o}\0 ".encode()
    return bytes(raw)


def contents(raw: bytes) -> list[bytes]:
    return [b"".join(entry.pieces) for entry in members(raw) if isinstance(entry, Member)]


def test_a_size_in_base_256_is_read() -> None:
    assert contents(with_size(b"\x80" + (5).to_bytes(11, "big"), b"hello")) == [b"hello"]


@pytest.mark.parametrize("field", [b"zzzzzzzzzzz\0", b"-0000000001\0", b"+0000000005\0"])
def test_a_size_that_is_no_number_ends_the_archive(field: bytes) -> None:
    """A size below zero would never come to an end."""
    assert contents(with_size(field, b"hello")) == []
    assert not [entry for entry in members(with_size(field, b"x")) if isinstance(entry, Refused)]
