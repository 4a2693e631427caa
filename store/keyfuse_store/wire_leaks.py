"""What the management API says about leaks; see `wire`."""

import msgspec
from msgspec import Struct, field

from keyfuse_store.evidence import Trust
from keyfuse_store.leak_steps import StepState
from keyfuse_store.leaks import Leak, LeakAction, LeakState
from keyfuse_store.model import KeyState
from keyfuse_store.times import to_micros
from keyfuse_store.wire import Moment


class LeakWire(Struct, frozen=True):
    """The incident of one leaked key."""

    id: str
    key_id: str
    owner_id: str
    action: LeakAction
    state: LeakState
    first_seen: Moment

    def value(self) -> Leak:
        """The incident as the store gives it; which delivery opened it is not told."""
        seen = to_micros("first_seen", self.first_seen)
        return Leak(self.id, self.key_id, self.owner_id, "", self.action, self.state, seen)


class FateWire(Struct, frozen=True):
    """The leaked key as it is now."""

    prefix: str
    name: str
    owner: str
    scopes: tuple[str, ...]
    state: KeyState
    revoked: Moment | None
    predecessor_id: str | None
    successor_id: str | None


class UseWire(Struct, frozen=True):
    """How a leaked key was used from the leak to its death, or to now while it lives."""

    valid: int
    last: Moment | None


class EvidenceWire(Struct, frozen=True):
    """One report of a leak; `url`, `source` and `path` are the reporter's words."""

    origin: str = field(name="from")
    trust: Trust
    source: str | None
    url: str | None
    commit: str | None
    path: str | None
    line: int | None
    claimed: Moment | None
    seen: Moment
    receipt: str


class StepWire(Struct, frozen=True):
    """One thing that was done about a leak, or could not be."""

    step: str
    state: StepState
    detail: str | None
    at: Moment


class IncidentWire(LeakWire, frozen=True):
    """An incident whole; `claimed` is when the key leaked, as far as anybody is believed."""

    claimed: Moment | None
    key: FateWire
    use: UseWire
    evidence: tuple[EvidenceWire, ...]
    steps: tuple[StepWire, ...]

    def as_json(self) -> dict[str, object]:
        """The incident as programs see it."""
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]  # of a struct it is a dict


class LeakPage(Struct, frozen=True):
    """A page of incidents."""

    leaks: tuple[LeakWire, ...]
    next: str | None
