"""The incident record: all that is known about one leak, as people and programs ask for it."""

from dataclasses import dataclass

from sqlalchemy import Connection

from keyfuse_store import keys, leak_steps, leaks, usage_history
from keyfuse_store.errors import LeakNotFound
from keyfuse_store.evidence import KeptEvidence, evidence_of
from keyfuse_store.leak_steps import Step
from keyfuse_store.leaks import Leak
from keyfuse_store.model import Key
from keyfuse_store.times import rfc3339
from keyfuse_store.usage_history import UseBetween


@dataclass(frozen=True, slots=True)
class Incident:
    """One leak of one key.

    Attributes:
        evidence: Oldest first.
        steps: What was done about it beside what was done to the key, oldest first.
        use: How the key was used from the leak to its death, or to now while it lives.
    """

    leak: Leak
    key: Key
    evidence: tuple[KeptEvidence, ...]
    steps: tuple[Step, ...]
    use: UseBetween

    @property
    def claimed_us(self) -> int | None:
        """When it leaked, as the earliest evidence claims; None where none does."""
        return _claimed(self.leak, self.key, self.evidence)

    def as_json(self) -> dict[str, object]:
        """The incident as programs see it."""
        key = self.key
        return {
            **self.leak.as_json(),
            "claimed": rfc3339(self.claimed_us),
            "key": {
                "prefix": key.prefix,
                "name": key.name,
                "owner": key.owner,
                "scopes": key.scopes,
                "state": key.state,
                "revoked": rfc3339(key.revoked_us),
                "predecessor_id": key.predecessor_id,
                "successor_id": key.successor_id,
            },
            "use": {"valid": self.use.valid, "last": rfc3339(self.use.last_us)},
            "evidence": [one.as_json() for one in self.evidence],
            "steps": [step.as_json() for step in self.steps],
        }


def find(connection: Connection, leak_or_key: str, now: int) -> Incident:
    """The incident with this id, or that of the key with this id.

    Raises:
        LeakNotFound: There is none.
    """
    leak = leaks.get(connection, leak_or_key) or leaks.for_key(connection, leak_or_key)
    if leak is None:
        raise LeakNotFound(leak_or_key)
    return read(connection, leak, now)


def read(connection: Connection, leak: Leak, now: int) -> Incident:
    """Everything about a leak.

    Raises:
        KeyNotFound: Its key is gone, which nothing in keyfuse does.
    """
    key = keys.get(connection, leak.key_id)
    evidence = tuple(evidence_of(connection, leak.id))
    since = _claimed(leak, key, evidence) or leak.first_seen_us
    until = now if key.revoked_us is None else key.revoked_us
    return Incident(
        leak,
        key,
        evidence,
        tuple(leak_steps.of_leak(connection, leak.id)),
        usage_history.between(connection, key.id, since, until),
    )


def _claimed(leak: Leak, key: Key, evidence: tuple[KeptEvidence, ...]) -> int | None:
    """A date of a commit is what its author wrote: only what is possible is believed.

    What a stranger claims who holds the key counts for nothing.
    """
    told = [
        one.evidence.claimed_us
        for one in evidence
        if one.evidence.claimed_us is not None and one.evidence.trust != "possession"
    ]
    possible = [at for at in told if at <= leak.first_seen_us]
    return max(min(possible), key.created_us) if possible else None
