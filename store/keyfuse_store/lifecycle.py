"""The steps of a key's life, to be composed inside `KeyStore.begin()`.

    active ⇄ suspended          active → quarantined → active
    any of them → revoked       (final: nothing leads out of it)

Each step is one conditional UPDATE, so two of them at once cannot undo each other, and appends
its audit entry if it changed something. `quarantine_scopes` is set as long as a key is in
quarantine, suspended meanwhile or not: `resume` gives back what was before. The other steps of a
life are in `issue`, `rotation` and `changes`.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Update, case, literal, select, update

from keyfuse_rules.redact import scrub
from keyfuse_store import fields, scopes
from keyfuse_store.audit_changes import Appends
from keyfuse_store.errors import KeyNotFound, StateConflict
from keyfuse_store.schema import keys as table


def revoke(
    connection: Connection,
    audit: Appends,
    key_id: str,
    *,
    reason: str,
    evidence: Mapping[str, object] | None = None,
    actor: str,
    at: int,
    origin: str | None = None,
) -> bool:
    """Kill a key for good; a dead key stays as it died.

    Key-like text in `reason` and `evidence` is cut, not refused: the key must die.

    Returns:
        True if this call killed it, False if it was dead already.

    Raises:
        KeyNotFound: there is no such key.
        InvalidField: the reason is not text, or the evidence is no JSON.
    """
    why = fields.reason(reason)
    proof = None if evidence is None else scrub(fields.as_json("evidence", evidence))
    step = _keys(key_id, "active", "suspended", "quarantined").values(
        state="revoked", revoked_at=at, revoke_reason=why, revoke_evidence=proof
    )
    changed = _run(connection, key_id, step)
    if changed:
        audit.append(
            connection,
            action="key.revoked",
            actor=actor,
            subject=key_id,
            at=at,
            detail={"reason": why},
            origin=origin,
        )
    return changed


def quarantine(
    connection: Connection,
    audit: Appends,
    key_id: str,
    *,
    allowed: Sequence[str],
    reason: str,
    actor: str,
    at: int,
    origin: str | None = None,
) -> bool:
    """Cut a key down to those of its scopes that `allowed` covers, until somebody decides.

    Returns:
        True if this call did, False if the key is in quarantine or revoked already.

    Raises:
        KeyNotFound: there is no such key.
        InvalidField: `allowed` holds something that is no scope.
    """
    kept = scopes.granted("quarantine_scopes", allowed, management=False)
    step = (
        _keys(key_id, "active", "suspended")
        .where(table.c.quarantine_scopes.is_(None))
        .values(
            quarantine_scopes=kept,
            state=case((table.c.state == "active", literal("quarantined")), else_=table.c.state),
        )
    )
    changed = _run(connection, key_id, step)
    if changed:
        audit.append(
            connection,
            action="key.quarantined",
            actor=actor,
            subject=key_id,
            at=at,
            detail={"reason": fields.reason(reason), "scopes": kept.split()},
            origin=origin,
        )
    return changed


def suspend(
    connection: Connection,
    audit: Appends,
    key_id: str,
    *,
    reason: str,
    actor: str,
    at: int,
    origin: str | None = None,
) -> bool:
    """Stop a key until it is resumed; False if it is suspended already.

    Raises:
        KeyNotFound: there is no such key.
        StateConflict: the key is revoked.
    """
    step = _keys(key_id, "active", "quarantined").values(state="suspended")
    changed = _run(connection, key_id, step)
    if changed:
        why = {"reason": fields.reason(reason)}
        audit.append(
            connection,
            action="key.suspended",
            actor=actor,
            subject=key_id,
            at=at,
            detail=why,
            origin=origin,
        )
    else:
        _refuse_revoked(connection, key_id)
    return changed


def resume(
    connection: Connection,
    audit: Appends,
    key_id: str,
    *,
    actor: str,
    at: int,
    origin: str | None = None,
) -> bool:
    """Undo the latest restriction: a suspension first, then a quarantine; False if there is none.

    Raises:
        KeyNotFound: there is no such key.
        StateConflict: the key is revoked.
    """
    unsuspend = _keys(key_id, "suspended").values(
        state=case((table.c.quarantine_scopes.is_(None), literal("active")), else_="quarantined")
    )
    release = _keys(key_id, "quarantined").values(state="active", quarantine_scopes=None)
    changed = _run(connection, key_id, unsuspend) or _run(connection, key_id, release)
    if changed:
        audit.append(
            connection, action="key.resumed", actor=actor, subject=key_id, at=at, origin=origin
        )
    else:
        _refuse_revoked(connection, key_id)
    return changed


def _keys(key_id: str, *states: str) -> Update:
    return update(table).where(table.c.id == fields.key_id(key_id), table.c.state.in_(states))


def _run(connection: Connection, key_id: str, step: Update) -> bool:
    if connection.execute(step).rowcount:
        return True
    _state(connection, key_id)
    return False


def _refuse_revoked(connection: Connection, key_id: str) -> None:
    if _state(connection, key_id) == "revoked":
        raise StateConflict(f"key {key_id} is revoked, and that is final")


def _state(connection: Connection, key_id: str) -> str:
    state: str | None = connection.scalar(select(table.c.state).where(table.c.id == key_id))
    if state is None:
        raise KeyNotFound(key_id)
    return state
