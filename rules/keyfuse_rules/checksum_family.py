"""One way of making a checksum, as a value."""

import re
from collections.abc import Callable
from typing import NamedTuple

from keyfuse_rules.model import Checksum


class Family(NamedTuple):
    """One way of making a checksum.

    Attributes:
        seal: From everything before the checksum, the bytes of the checksum. Where `length` is 0
            the checksum is spread over the token: `seal` takes it whole and puts it right.
        length: How many bytes at the end of a token the checksum takes.
        applies: Pattern that the whole token fits where the family applies to it.
        source: Where the algorithm and its vectors are published.
        proven: True where tokens that the provider itself made prove algorithm and form, and the
            provider has not changed them since: an invalid token then is none.
        vector: A published token in pieces, the last of them its checksum.
        verify: For families with more than one right checksum: tells whether a token has one.
    """

    seal: Callable[[bytes], bytes]
    length: int
    applies: bytes
    source: str
    proven: bool = False
    vector: tuple[bytes, ...] = ()
    verify: Callable[[bytes], bool] | None = None

    def judge(self, token: bytes) -> Checksum:
        """Return the verdict on a whole token."""
        if re.fullmatch(self.applies, token) is None:
            return "none"
        return "valid" if self.holds(token) else "invalid"

    def holds(self, token: bytes) -> bool:
        """Tell whether a token to which the family applies carries the right checksum."""
        if self.verify is not None:
            return self.verify(token)
        return self.seal(token[: -self.length]) == token[-self.length :]
