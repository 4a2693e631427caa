"""A plaintext secret in memory: it shows nothing unless asked by name."""

from typing import NoReturn


class Secret:
    """A plaintext whose `repr`, `str` and `format` show nothing.

    The text leaves only through `reveal()`, so that a plain text search finds every place
    where it can. Equality is constant-time; pickling and copying are refused, because both
    write the plaintext somewhere else.
    """

    __slots__ = ("_plaintext",)

    def __init__(self, plaintext: str) -> None:
        self._plaintext = plaintext

    def reveal(self) -> str:
        """Return the plaintext."""
        return self._plaintext

    def __repr__(self) -> str:
        return "Secret(…)"

    def __format__(self, format_spec: str) -> str:
        return format(repr(self), format_spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        import hmac  # it costs a hook more to import than everything else here

        return hmac.compare_digest(_bytes(self._plaintext), _bytes(other._plaintext))

    def __hash__(self) -> int:
        return hash(("Secret", self._plaintext))

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is neither pickled nor copied: that would write the plaintext")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret shows its plaintext in `reveal` only")


def _bytes(text: str) -> bytes:
    # Half a surrogate has no UTF-8, and the error that says so would carry the text.
    return text.encode("utf-8", "surrogatepass")
