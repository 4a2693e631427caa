"""Draw keys that nobody has yet."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from keyfuse_rules.keyformat import generate
from keyfuse_rules.secret import Secret
from keyfuse_store.errors import StoreError
from keyfuse_store.schema import keys as table

# 62^10 ids: two collisions in a row are a broken random source, not bad luck.
_ATTEMPTS = 4


class Drawn(NamedTuple):
    """A key that is not in the table yet."""

    key_id: str
    token: Secret


def draw(
    connection: Connection, prefixes: Sequence[str], token_bytes: Callable[[int], bytes]
) -> list[Drawn]:
    """One key for each prefix, with an id that is free; a taken one is drawn again.

    Raises:
        StoreError: the random source repeats itself.
    """
    taken: set[str] = set()
    drawn: dict[int, Drawn] = {}
    for _ in range(_ATTEMPTS):
        fresh = [place for place in range(len(prefixes)) if place not in drawn]
        attempt = {place: _one(prefixes[place], token_bytes) for place in fresh}
        taken |= _taken(connection, [one.key_id for one in attempt.values()])
        for place, one in attempt.items():
            if one.key_id not in taken:
                taken.add(one.key_id)
                drawn[place] = one
        if len(drawn) == len(prefixes):
            return [drawn[place] for place in range(len(prefixes))]
    raise StoreError("no free key id was drawn: the random source repeats itself")


def _one(prefix: str, token_bytes: Callable[[int], bytes]) -> Drawn:
    token, parsed = generate(prefix, token_bytes)
    return Drawn(parsed.key_id, token)


def _taken(connection: Connection, ids: Sequence[str]) -> set[str]:
    return set(connection.scalars(select(table.c.id).where(table.c.id.in_(ids))))
