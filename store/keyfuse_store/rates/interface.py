"""What every place that counts rate limits offers."""

from typing import Protocol

from keyfuse_store.errors import StoreError
from keyfuse_store.limits import Refusal


class RatesUnavailable(StoreError):
    """The place where rate limits are counted does not answer."""


class Rates(Protocol):
    """Counts the calls of keys against their rate limits, by the model of `limits.admit`."""

    def take(self, key_id: str, text: str, cost: int, now: int) -> Refusal | None:
        """Consume `cost` calls of every limit in `text`, or of none if one refuses.

        Args:
            key_id: Whose calls.
            text: The rate limits as they are stored; others than before start afresh.
            cost: How many calls this one counts for; 0 only looks.
            now: Epoch microseconds.

        Raises:
            RatesUnavailable: nobody can tell.
        """
        ...

    def look(self, key_id: str, text: str, cost: int, now: int) -> Refusal | None:
        """What `take` would answer, without consuming anything.

        Raises:
            RatesUnavailable: nobody can tell.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
