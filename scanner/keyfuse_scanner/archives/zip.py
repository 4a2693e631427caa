"""Members of a zip file: jars, wheels and office documents, too."""

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING

from keyfuse_scanner.archives.model import PIECE, Damaged, LimitReached, Refused

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

_ENTRY = b"PK\x01\x02"
_ENCRYPTED = 0x1


def zip_members(data: bytes, most: int) -> Iterator[Iterator[bytes] | Refused]:
    """Yield the content of each file; each is to be taken before the next is asked for.

    Args:
        data: The whole archive.
        most: How many entries it may have.

    Raises:
        LimitReached: It has more of them.
        Damaged: It has no directory.
    """
    import zipfile

    if data.count(_ENTRY) > most:
        raise LimitReached("it has too many members")
    try:
        archive = zipfile.ZipFile(BytesIO(data))
    except _errors():
        raise Damaged("zip") from None
    with archive:
        for entry in archive.infolist():
            if entry.filename.endswith("/"):  # `is_dir` takes no empty name
                continue
            if entry.flag_bits & _ENCRYPTED:
                yield Refused("a member is encrypted")
            else:
                yield _content(archive, entry)


def _content(archive: "ZipFile", entry: "ZipInfo") -> Iterator[bytes]:
    try:
        with archive.open(entry) as file:
            while piece := file.read(PIECE):
                yield piece
    except NotImplementedError:
        raise LimitReached("a member is compressed in an unknown way") from None
    except _errors():
        raise Damaged("zip") from None


def _errors() -> tuple[type[Exception], ...]:
    """Return what `zipfile` raises over damage."""
    import lzma
    import struct
    import zipfile
    import zlib

    return (
        *(OSError, EOFError, ValueError, OverflowError, IndexError, RuntimeError),
        *(zipfile.BadZipFile, struct.error, zlib.error, lzma.LZMAError),
    )
