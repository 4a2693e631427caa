"""The portal: an owner sees and rotates the keys that are theirs, and no others.

Management keys are left out, whoever owns them: a link comes from an application that may hold
less than they do.
"""

from starlette.responses import Response

from keyfuse_rules.prefixes import is_management_prefix
from keyfuse_store import keys, listing, rotation, usage_history
from keyfuse_store.errors import InvalidField, KeyNotFound, NotPermitted
from keyfuse_store.model import Key, Rotated
from keyfuse_store.times import HOUR
from keyfuse_store.verify import standing
from keyfuse_webhook.console import charts
from keyfuse_webhook.console.key_actions import duration
from keyfuse_webhook.console.key_pages import gauge_of, standing_of
from keyfuse_webhook.console.portal_links import SCOPE
from keyfuse_webhook.console.portal_mail import rotated_job
from keyfuse_webhook.console.visit import NotThere, Visit

_PAGE = 100
_HOURS = 7 * 24


def portal(visit: Visit) -> Response:
    """All keys of the owner, the newest first."""
    wanted = listing.Wanted(owner_id=visit.owner_id)
    after = visit.query.get("after") or None
    if after is not None:
        _key(visit, after)
    with visit.store.read() as connection:
        found = listing.find(connection, wanted, now=visit.at, after=after, limit=_PAGE + 1)
    shown = [key for key in found[:_PAGE] if not is_management_prefix(key.prefix)]
    return visit.page(
        "portal.html",
        rows=[(key, standing_of(key, visit.at)) for key in shown],
        next_page=found[_PAGE - 1].id if len(found) > _PAGE else None,
    )


def portal_key(visit: Visit) -> Response:
    """One of them."""
    key = _key(visit, visit.path["key_id"])
    since = visit.at - visit.at % HOUR - (_HOURS - 1) * HOUR
    with visit.store.read() as connection:
        used = usage_history.of_key(connection, key.id, since=since, limit=_HOURS)
        gauge = gauge_of(connection, key, visit.at)
    return visit.page(
        "portal_key.html",
        key=key,
        now=standing_of(key, visit.at),
        gauge=gauge,
        chart=charts.calls(used.hours, now=visit.at, last=_HOURS, name="use"),
    )


def portal_rotate_form(visit: Visit) -> Response:
    """The page that asks once more."""
    key = _key(visit, visit.path["key_id"])
    return visit.page("portal_rotate.html", key=key, now=standing_of(key, visit.at), problem="")


def portal_rotate(visit: Visit) -> Response:
    """Rotate it; the owner is mailed about it, whoever it was that had the link."""
    key = _key(visit, visit.path["key_id"])
    try:
        rotated = _rotate(visit, key)
    except InvalidField as error:
        return visit.page(
            "portal_rotate.html",
            400,
            key=key,
            now=standing_of(key, visit.at),
            problem=str(error),
        )
    return visit.page(
        "portal_issued.html",
        token=rotated.token,
        key=rotated.key,
        predecessor=rotated.predecessor,
    )


def _rotate(visit: Visit, key: Key) -> Rotated:
    store = visit.store
    overlap = duration("overlap", visit.form.get("overlap", "24h"))
    with store.begin() as connection:
        # The session falls with the key of the application; that may have died a moment ago.
        if standing(keys.get(connection, visit.who.key_id), visit.at) is not None:
            raise NotPermitted([SCOPE])
        rotated = rotation.rotate(
            connection,
            store.audit,
            store.peppers,
            key.id,
            overlap=overlap,
            **store.by(f"owner:{visit.owner_id}", visit.address),
        )
        visit.queue.enqueue(connection, rotated_job(rotated.predecessor, rotated.key))
    return rotated


def _key(visit: Visit, key_id: str) -> Key:
    """A key of the owner's own; the answer about others' is that about none."""
    try:
        key = visit.store.get(key_id)
    except (KeyNotFound, InvalidField):
        raise NotThere(_NOT_YOURS) from None
    if key.owner_id != visit.owner_id or is_management_prefix(key.prefix):
        raise NotThere(_NOT_YOURS)
    return key


_NOT_YOURS = "There is no such key of yours."
