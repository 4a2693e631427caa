"""Recording a leak without the service."""

from keyfuse_store import Issued, KeyStore, leaks
from keyfuse_store.evidence import Evidence
from keyfuse_store.leaks import LeakAction, Recorded


def record_leak(
    store: KeyStore,
    issued: Issued,
    evidence: Evidence,
    action: LeakAction = "revoke",
    receipt: str = "r1",
) -> Recorded:
    """Record a report as a transaction of its own; the key is left as it is."""
    with store.begin() as connection:
        return leaks.record(
            connection,
            store.audit,
            issued.key,
            evidence,
            action=action,
            receipt_id=receipt,
            actor=evidence.origin,
            at=store.clock(),
        )
