"""The part of a `KeyStore` that looks things up."""

from collections.abc import Sequence
from datetime import datetime

from keyfuse_store import fields, keys, listing, owners, usage_history
from keyfuse_store.keystore_base import OpenStore
from keyfuse_store.listing import Sort, Standing, Wanted
from keyfuse_store.model import Key
from keyfuse_store.times import to_micros


class ReadsKeys(OpenStore):
    """Each look is one consistent view of the database."""

    def get(self, key_id: str) -> Key:
        """The key with this id, in any state.

        Raises:
            KeyNotFound: there is none.
        """
        with self.read() as connection:
            return keys.get(connection, key_id)

    def list(
        self,
        *,
        owner: str | None = None,
        prefix: str | None = None,
        state: Standing | None = None,
        search: str | None = None,
        after: str | None = None,
        sort: Sort = "oldest",
        limit: int = 100,
    ) -> Sequence[Key]:
        """A page of keys, after the key with the id `after`.

        With `state`: keys that are so now; a living key past its end is `expired`. With `search`:
        keys whose id begins with it, or whose name or owner's mail address holds it, in any case
        (of ASCII letters). The order `ending` leaves out keys without an end.

        Raises:
            InvalidField: a filter is malformed.
            OwnerNotFound: the owner does not exist.
            KeyNotFound: the key `after` does not exist.
        """
        with self.read() as connection:
            wanted = Wanted(
                search="" if search is None else fields.line("search", search, empty=False),
                standing=state,
                owner_id=None if owner is None else owners.get(connection, owner).id,
                prefix=prefix,
                sort=sort,
            )
            return listing.find(connection, wanted, now=self.clock(), after=after, limit=limit)

    def search(self, text: str, *, after: str | None = None, limit: int = 100) -> Sequence[Key]:
        """A page of the keys that `list` finds with `search`.

        Raises:
            InvalidField: the text is empty, too long, or no text on one line.
            KeyNotFound: the key `after` does not exist.
        """
        return self.list(search=text, after=after, limit=limit)

    def match(self, tokens: Sequence[str]) -> Sequence[Key | None]:
        """For each token the key it is, in any state, proven by the whole secret; else None.

        Raises:
            DatabaseError: the database cannot be read.
        """
        with self.read() as connection:
            return keys.match(connection, self.peppers, tokens, self._legacy)

    def usage(
        self, key_id: str, *, since: datetime | None = None, limit: int = 100
    ) -> usage_history.Usage:
        """How a key was used: by hour, and call by call if usage events go to the database.

        Raises:
            KeyNotFound: there is no such key.
            InvalidField: `limit` is out of range, or `since` has no time zone.
        """
        start = 0 if since is None else to_micros("since", since)
        with self.read() as connection:
            keys.get(connection, key_id)
            return usage_history.of_key(connection, key_id, since=start, limit=limit)
