"""What every place for usage events offers, and the one form that events are written in."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from keyfuse_rules.redact import scrub
from keyfuse_store.times import rfc3339
from keyfuse_store.verdict import Code


# gc=False: a hundred thousand of these may wait, and the collector would look at each.
class Call(msgspec.Struct, frozen=True, gc=False):
    """One verification.

    Attributes:
        at: Epoch microseconds.
        key_id: The key, if its secret was proven; else None.
        code: The code of the verdict.
        cost: How many calls it counted for.
        scopes: What was asked for, with spaces between.
        address: Where the call came from, as the caller said.
        agent: With what, as the caller said.
    """

    at: int
    key_id: str | None
    code: Code
    cost: int
    scopes: str
    address: str | None
    agent: str | None


_SCOPES_MAX = 1000
_ADDRESS_MAX = 45
_AGENT_MAX = 200


class Sink(Protocol):
    """Takes usage events in batches."""

    def write(self, calls: Sequence[Call]) -> None:
        """Write a batch, all of it or none.

        Raises:
            StoreError: it cannot be written now; the batch will be offered again.
            OSError: the same.
        """
        ...

    def prune(self, before: int) -> None:
        """Forget what happened before a moment (epoch microseconds); raises as `write` does."""
        ...


def columns(call: Call) -> tuple[int, str | None, str, str, int, str | None, str | None]:
    """A call with every text of the caller cut to its length and without keys.

    Returns:
        The columns of `kf_usage_events` from `at` on.
    """
    asked = _cut(call.scopes, _SCOPES_MAX) or ""
    address, agent = _cut(call.address, _ADDRESS_MAX), _cut(call.agent, _AGENT_MAX)
    return call.at, call.key_id, call.code, asked, call.cost, address, agent


def event_json(call: Call) -> dict[str, object]:
    """A call as programs see it, in files and on the command line."""
    at, key_id, code, scopes, cost, address, agent = columns(call)
    return {
        "at": rfc3339(at),
        "key_id": key_id,
        "code": code,
        "scopes": scopes.split(),
        "cost": cost,
        "address": address,
        "user_agent": agent,
    }


def _cut(text: str | None, longest: int) -> str | None:
    # A NUL is text everywhere but in PostgreSQL.
    return None if text is None else scrub(text)[:longest].replace("\0", "\ufffd")
