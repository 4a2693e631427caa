"""Issuing a key: the form, and the one page that shows it."""

import secrets

from starlette.responses import Response

from keyfuse_rules.prefixes import is_management_prefix
from keyfuse_rules.redact import scrub
from keyfuse_store.errors import InvalidField, OwnerNotFound
from keyfuse_store.once import once
from keyfuse_store.times import parse_duration
from keyfuse_webhook.console.forms import Form
from keyfuse_webhook.console.visit import Visit

_FIELDS = ("prefix", "owner", "name", "scopes", "expires", "rate_limit", "quota", "addresses")
_EXPIRES = "90d"


def issue_form(visit: Visit) -> Response:
    """The form, filled in with what a link to it says."""
    given = {name: visit.query.get(name, "") for name in _FIELDS}
    if "expires" not in visit.query:
        given["expires"] = _EXPIRES
    return _form(visit, given)


def issue(visit: Visit) -> Response:
    """Issue the key; what was wrong is said at its field, and the rest stays filled in."""
    form = visit.form
    scopes = form.get("scopes", "").replace(",", " ").split()
    expires = form.get("expires", "")
    management = is_management_prefix(form.get("prefix", ""))
    try:
        issued = visit.store.issue(
            prefix=form.get("prefix", ""),
            owner=form.get("owner", ""),
            name=form.get("name", ""),
            scopes=scopes,
            expires_in=parse_duration("expires", expires) if expires else None,
            rate_limit=form.get("rate_limit") or None,
            quota=form.get("quota") or None,
            addresses=form.get("addresses", "").replace(",", " ").split(),
            admin=management,
            once=once(form.get("once", ""), caller=visit.who.key_id, request=b"console"),
            actor=visit.who,
            origin=visit.address,
        )
    except InvalidField as error:
        return _form(visit, form, error.field, error.problem)
    except OwnerNotFound:
        return _form(visit, form, "owner", "does not exist; give a mail address")
    return visit.page("issued.html", token=issued.token, key=issued.key, predecessor=None)


def _form(visit: Visit, given: Form, field: str = "", problem: str = "") -> Response:
    # People paste keys where names belong; no page but one shows a key.
    safe = {name: scrub(given.get(name, "")) for name in _FIELDS}
    field = "expires" if field.startswith("expires") else field
    return visit.page(
        "issue.html",
        400 if problem else 200,
        given=safe,
        once=secrets.token_urlsafe(16),
        field=field,
        problem=problem,
        catalogue=visit.store.catalogue.declared,
        prefixes=[kind.prefix for kind in visit.store.settings.key_types],
    )
