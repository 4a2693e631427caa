"""What is done to a key: a page that asks once more, and the form on it that does it."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import NamedTuple

from starlette.responses import Response

from keyfuse_store.errors import InvalidField
from keyfuse_store.model import Key
from keyfuse_store.times import parse_duration
from keyfuse_webhook.console.key_pages import standing_of
from keyfuse_webhook.console.visit import NotThere, Visit, go_to

REASON = "by an operator"


class Action(NamedTuple):
    """One step of a key's life.

    Attributes:
        title: What it is called.
        effect: What it does, said before it is done.
        fields: What else is asked for.
        run: Does it, and gives the page that follows.
    """

    title: str
    effect: str
    fields: tuple[str, ...]
    run: Callable[[Visit, Key], Response]


def confirm(visit: Visit) -> Response:
    """The page that asks once more."""
    action, key = _action(visit), _key(visit)
    return visit.page(
        "key_confirm.html",
        action=action,
        name=visit.path["action"],
        key=key,
        now=standing_of(key, visit.at),
        problem="",
    )


def act(visit: Visit) -> Response:
    """What its button does."""
    action, key = _action(visit), _key(visit)
    try:
        return action.run(visit, key)
    except InvalidField as error:
        return visit.page(
            "key_confirm.html",
            400,
            action=action,
            name=visit.path["action"],
            key=key,
            now=standing_of(key, visit.at),
            problem=str(error),
        )


def duration(field: str, text: str) -> timedelta:
    """A duration like `24h`, or nothing at all."""
    return timedelta(0) if text in {"", "0"} else parse_duration(field, text)


def _action(visit: Visit) -> Action:
    found = ACTIONS.get(visit.path["action"])
    if found is None:
        raise NotThere("There is no such action.")
    return found


def _key(visit: Visit) -> Key:
    key = visit.store.get(visit.path["key_id"])
    visit.who.check_touch(key)
    return key


def _rotate(visit: Visit, key: Key) -> Response:
    overlap = duration("overlap", visit.form.get("overlap", "24h"))
    expires = visit.form.get("expires", "")
    rotated = visit.store.rotate(
        key.id,
        overlap=overlap,
        expires_in=parse_duration("expires", expires) if expires else None,
        actor=visit.who,
        origin=visit.address,
    )
    return visit.page(
        "issued.html", token=rotated.token, key=rotated.key, predecessor=rotated.predecessor
    )


def _revoke(visit: Visit, key: Key) -> Response:
    visit.store.revoke(key.id, reason=_reason(visit), actor=visit.who, origin=visit.address)
    return _to(key)


def _suspend(visit: Visit, key: Key) -> Response:
    visit.store.suspend(key.id, reason=_reason(visit), actor=visit.who, origin=visit.address)
    return _to(key)


def _resume(visit: Visit, key: Key) -> Response:
    visit.store.resume(key.id, actor=visit.who, origin=visit.address)
    return _to(key)


def _reason(visit: Visit) -> str:
    return visit.form.get("reason") or REASON


def _to(key: Key) -> Response:
    return go_to(f"/console/keys/{key.id}")


ACTIONS: Mapping[str, Action] = {
    "rotate": Action(
        "Rotate",
        "A new key takes over, with the same owner, scopes and limits. "
        "This one goes on working for the overlap, then it ends.",
        ("overlap", "expires"),
        _rotate,
    ),
    "suspend": Action(
        "Suspend",
        "Every request with this key is refused from now on, until somebody resumes it.",
        ("reason",),
        _suspend,
    ),
    "resume": Action(
        "Resume",
        "The key works again: a suspension ends, or else a quarantine.",
        (),
        _resume,
    ),
    "revoke": Action(
        "Revoke",
        "Every request with this key is refused from now on. This is final: "
        "a revoked key never comes back.",
        ("reason",),
        _revoke,
    ),
}
