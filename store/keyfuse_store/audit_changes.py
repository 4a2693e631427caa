"""What the audit record is told: one change, or many that wait to be written together."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from sqlalchemy import Connection


class Change(NamedTuple):
    """What one entry is to say; who, when and from where is the same for all of a step."""

    action: str
    subject: str
    detail: Mapping[str, object] = MappingProxyType({})


class Appends(Protocol):
    """Takes entries, for now or for the end of the transaction."""

    def append(
        self,
        connection: Connection,
        *,
        action: str,
        actor: str,
        subject: str,
        at: int,
        detail: Mapping[str, object] | None = None,
        origin: str | None = None,
    ) -> object:
        """Append one entry inside the caller's write transaction."""


class Gathering:
    """Entries that wait for the end of their transaction.

    Attributes:
        entries: By whom, when and from where; and what.
    """

    def __init__(self) -> None:
        self.entries: list[tuple[tuple[str, int, str | None], Change]] = []

    def append(
        self,
        connection: Connection,  # noqa: ARG002 - the one that they are written to at the end
        *,
        action: str,
        actor: str,
        subject: str,
        at: int,
        detail: Mapping[str, object] | None = None,
        origin: str | None = None,
    ) -> None:
        """Take one entry."""
        self.entries.append(((actor, at, origin), Change(action, subject, detail or {})))
