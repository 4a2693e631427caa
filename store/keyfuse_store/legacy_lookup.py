"""Verify keys from before keyfuse: the look-up by digest that stands in for that by id.

A caller without the whole key learns nothing: the digest under which a row lies depends on the
pepper, so neither hit nor miss nor their times tell anything about keys that resemble it.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import exists, select

from keyfuse_store import keys
from keyfuse_store.database import Database
from keyfuse_store.errors import DatabaseError
from keyfuse_store.legacy import LegacyKeys
from keyfuse_store.model import Key
from keyfuse_store.schema import keys as table
from keyfuse_store.schema import peppers
from keyfuse_store.usage_rows import Rehash
from keyfuse_store.verdict import Code

log = logging.getLogger(__name__)


class LegacyLookup:
    """Finds the row of a key from before keyfuse, as it is at this moment."""

    def __init__(
        self, database: Database, legacy: LegacyKeys, rehash: Callable[[Rehash], None]
    ) -> None:
        self._database = database
        self._legacy = legacy
        self._rehash = rehash

    def find(self, text: str) -> Key | Code:
        """The key, proven by its whole text; or `malformed`, `unknown` or `unavailable`."""
        candidates = self._legacy.candidates(text)
        if not candidates:
            return "malformed"
        try:
            return self._read(candidates)
        except DatabaseError as error:
            log.error("a key could not be verified: %s", error)  # noqa: TRY400 - one clear line
            return "unavailable"

    def _read(self, candidates: list[list[bytes]]) -> Key | Code:
        at_hand = self._legacy.versions
        digests = [digest for some in candidates for digest in some]
        with self._database.read() as connection:
            row = connection.execute(keys.legacy_rows(at_hand, digests)).first()
            if row is not None:
                return self._proven(tuple(row), candidates)
            lost = select(peppers.c.version).where(
                peppers.c.version.not_in(at_hand),
                exists().where(
                    table.c.legacy.is_not(None), table.c.pepper_version == peppers.c.version
                ),
            )
            version = connection.scalar(lost.limit(1))
        if version is None:
            return "unknown"
        # The digest of such a key cannot be computed: this may be one of them.
        log.error("keys from before keyfuse need pepper %d, which is not at hand", version)
        return "unavailable"

    def _proven(self, row: Sequence[Any], candidates: list[list[bytes]]) -> Key:
        """The key of a row; one under an older pepper is put under the newest behind."""
        digest, version = bytes(row[0]), row[1]
        newest = next(some[0] for some in candidates if digest in some)
        if digest != newest:
            self._rehash(Rehash(row[2], version, max(self._legacy.versions), newest))
        return Key(*row[2:])
