"""What a notifier is, and what it is given."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from keyfuse_webhook.jobs_model import Outcome
from keyfuse_webhook.message import LeakedKey


@dataclass(frozen=True, slots=True)
class Notice:
    """What one owner is to be told about one delivery.

    Attributes:
        id: The same for every attempt, so that whoever gets it twice can see that.
        address: The owner's mail address.
        now: When this attempt is made.
    """

    id: str
    address: str
    keys: tuple[LeakedKey, ...]
    now: datetime


class Notifier(Protocol):
    """One target. Delivering is safe to repeat, and may happen again after a crash."""

    def deliver(self, notice: Notice) -> Outcome:
        """Hand a notice over: `done`, or `undeliverable` where that cannot work as it is set.

        Raises:
            TryAgain: The target is down, busy or in doubt.
        """
