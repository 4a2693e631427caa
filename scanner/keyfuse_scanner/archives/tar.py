"""Members of a tar stream (POSIX.1-2024, pax; and GNU's long names and sizes)."""

from collections.abc import Iterator

from keyfuse_scanner.archives.model import Damaged

_BLOCK = 512
_SIZE = slice(124, 136)
_CHECKSUM = slice(148, 156)
_BASE_256 = 0x80


def tar_members(pieces: Iterator[bytes]) -> Iterator[Iterator[bytes]]:
    """Yield the content of each entry that has any, extended headers included.

    Each content is to be taken before the next is asked for; what is left of it is skipped.

    Raises:
        Damaged: A header is none, or the stream breaks off.
    """
    reader = _Reader(pieces)
    while True:
        header = reader.exactly(_BLOCK)
        if not header.strip(b"\0"):
            return  # two blocks of zeros are the end; the first one is enough
        size = _size(header)
        if size:
            content = reader.up_to(size)
            yield content
            for _ in content:
                pass
            reader.exactly(-size % _BLOCK)


class _Reader:
    """Takes exact amounts from pieces of any size."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def exactly(self, size: int) -> bytes:
        return b"".join(self.up_to(size))

    def up_to(self, size: int) -> Iterator[bytes]:
        while size:
            if not self._rest:
                self._rest = memoryview(next(self._pieces, b""))
                if not self._rest:
                    raise Damaged("tar")
            piece, self._rest = self._rest[:size], self._rest[size:]
            size -= len(piece)
            yield bytes(piece)


def _size(header: bytes) -> int:
    """Return the size that a header names.

    Raises:
        Damaged: Its checksum is wrong, or a number is none.
    """
    unsigned = sum(header) - sum(header[_CHECKSUM]) + 8 * ord(" ")
    if unsigned != _octal(header[_CHECKSUM]):
        raise Damaged("tar")
    field = header[_SIZE]
    if field[0] & _BASE_256:
        return int.from_bytes(field[1:], "big")
    return _octal(field)


def _octal(field: bytes) -> int:
    digits = field.strip(b"\0 ")
    # Python would take a sign, too: a size below zero never comes to an end.
    if digits.strip(b"01234567"):
        raise Damaged("tar")
    return int(digits or b"0", 8)
