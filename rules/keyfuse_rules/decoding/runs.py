"""A decoded stretch of an object, and the way back to where it stands."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol


class Places(Protocol):
    """Says for a byte where it stands."""

    def __getitem__(self, at: int, /) -> int: ...


class Run(NamedTuple):
    """What one decoder made of a stretch of an object.

    Attributes:
        step: Name of the encoding, as reports show it.
        data: The decoded bytes.
        start: Where the encoded stretch begins in the object.
        end: Where it ends.
        offsets: For each decoded byte, and for the end, where it stands in the object; None where
            the encoding hides that from a reader, so that the whole stretch stands for each byte.
        doubtful: True for a reading that only a valid checksum can prove.
    """

    step: str
    data: bytes
    start: int
    end: int
    offsets: Places | None = None
    doubtful: bool = False

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the object `data[start:end]` stands."""
        if self.offsets is None:
            return self.start, self.end
        return self.offsets[start], self.offsets[end]


Decoder = Callable[[bytes, int, int], Iterator[Run]]
"""From an object, an offset within an encoded stretch and, for base64, the phase of a hit that ends
behind that offset, to the ways in which the stretch can be read, the most likely one first."""
