"""What verification answers: one word for programs, and the key that was proven."""

from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec.structs import force_setattr

from keyfuse_store.model import Grant, Holder, Key

Code = Literal[
    "valid",
    "malformed",
    "unknown",
    "suspended",
    "revoked",
    "expired",
    "not_yet_valid",
    "insufficient_scope",
    "address_denied",
    "rate_limited",
    "quota_exceeded",
    "unavailable",
]


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What verification found.

    Attributes:
        ok: True for `valid` only.
        code: Stable word for programs.
        key_id: The id of the key, once its secret was proven, whatever its state; else None.
        retry_after: Seconds until the same call could pass; None when it never will or did.
        limit: The name of the rate limit that stopped it, `default` if it has none; or `quota`.
    """

    ok: bool
    code: Code
    key_id: str | None = None
    retry_after: float | None = None
    limit: str | None = None
    _known: Grant | None = None
    _read: Callable[[str], Key] | None = None

    @property
    def holder(self) -> Holder | None:
        """Whose key was proven, whatever its state; else None.

        `KeyStore.verify(…, holder=True)` reads it along with the verdict.

        Raises:
            DatabaseError: it has to be read and cannot be.
        """
        return self._known if isinstance(self._known, Holder) else self.key

    @property
    def key(self) -> Key | None:
        """The key that was proven, whatever its state; else None.

        Most callers need no more than the verdict, so all of the key is read when it is first
        asked for, as it is then.

        Raises:
            DatabaseError: it has to be read and cannot be.
        """
        known = self._known
        if isinstance(known, Key):
            return known
        if self.key_id is None or self._read is None:
            return None
        key = self._read(self.key_id)
        force_setattr(self, "_known", key)
        return key
