"""Which path leads to which page, and what it takes to see it."""

from starlette.routing import Route

from keyfuse_store import KeyStore
from keyfuse_webhook.console import (
    audit_pages,
    issue_page,
    job_pages,
    key_actions,
    key_pages,
    leak_pages,
    overview,
    owner_pages,
    portal_pages,
)
from keyfuse_webhook.console.assets import asset
from keyfuse_webhook.console.desk import CONSOLE, PORTAL, Desk
from keyfuse_webhook.console.door import Door
from keyfuse_webhook.console.endpoint import Endpoint, Handler, ended, no_page, to_console
from keyfuse_webhook.console.place import place_of
from keyfuse_webhook.console.portal_links import PortalLinks
from keyfuse_webhook.jobs import JobQueue
from keyfuse_webhook.management.guard import Guard

# Path, handler, and the scope without its `keyfuse:`.
_PAGES: tuple[tuple[str, Handler, str | None], ...] = (
    ("", overview.overview, None),
    ("/overview/numbers", overview.overview_numbers, None),
    ("/overview/charts", overview.overview_charts, None),
    ("/keys", key_pages.key_list, "keys.read"),
    ("/keys/new", issue_page.issue_form, "keys.write"),
    ("/keys/{key_id}", key_pages.key_page, "keys.read"),
    ("/keys/{key_id}/{action}", key_actions.confirm, "keys.write"),
    ("/leaks", leak_pages.leak_list, "leaks.read"),
    ("/leaks/{leak_id}", leak_pages.leak_page, "leaks.read"),
    ("/leaks/{leak_id}/timeline", leak_pages.leak_timeline, "leaks.read"),
    ("/owners", owner_pages.owner_list, "owners.read"),
    ("/audit", audit_pages.audit_list, "audit.read"),
    ("/audit/check", audit_pages.audit_check, "audit.read"),
    ("/jobs", job_pages.job_list, "jobs.read"),
)
_FORMS: tuple[tuple[str, Handler, str | None], ...] = (
    ("/keys/new", issue_page.issue, "keys.write"),
    ("/keys/{key_id}/{action}", key_actions.act, "keys.write"),
    ("/owners", owner_pages.add_owner, "owners.write"),
    ("/audit/check", audit_pages.start_check, "audit.read"),
    ("/jobs/retry", job_pages.retry_job, "jobs.write"),
)


def console_routes(store: KeyStore, queue: JobQueue, host: str) -> list[Route]:
    """The console and the portal of a service that listens on `host`."""
    place, guard = place_of(store.settings.base_url, host), Guard(store)
    desk, portal = Desk(store, queue, place, CONSOLE), Desk(store, queue, place, PORTAL)
    links = PortalLinks(store, guard, place)
    return [
        Route("/v1/portal-sessions", links.make, methods=["POST"]),
        *_console(desk, Door(desk, guard)),
        *_portal(portal, Door(portal, guard)),
    ]


def _console(desk: Desk, door: Door) -> list[Route]:
    return [
        Route("/console/static/{name}", asset, methods=["GET"]),
        Route("/console/sign-in", door.sign_in_page, methods=["GET"]),
        Route("/console/sign-in", door.sign_in, methods=["POST"]),
        Route("/console/login/{link}", door.link_page, methods=["GET"]),
        Route("/console/login/{link}", door.use_link, methods=["POST"]),
        _form(desk, "/console/sign-out", door.sign_out, None),
        *(_form(desk, f"/console{path}", handler, scope) for path, handler, scope in _FORMS),
        *(_page(desk, f"/console{path}", handler, scope) for path, handler, scope in _PAGES),
        Route("/console/", to_console, methods=["GET"]),
        Route("/console/{rest:path}", no_page, methods=["GET", "POST"]),
    ]


def _portal(desk: Desk, door: Door) -> list[Route]:
    rotate = "/portal/keys/{key_id}/rotate"
    return [
        Route("/portal/login/{link}", door.link_page, methods=["GET"]),
        Route("/portal/login/{link}", door.use_link, methods=["POST"]),
        Route("/portal/ended", ended, methods=["GET"]),
        _form(desk, "/portal/sign-out", door.sign_out, None),
        _page(desk, "/portal", portal_pages.portal, None),
        _page(desk, "/portal/keys/{key_id}", portal_pages.portal_key, None),
        _page(desk, rotate, portal_pages.portal_rotate_form, None),
        _form(desk, rotate, portal_pages.portal_rotate, None),
        Route("/portal/{rest:path}", no_page, methods=["GET", "POST"]),
    ]


def _page(desk: Desk, path: str, handler: Handler, scope: str | None) -> Route:
    return Route(path, Endpoint(desk, handler, scope).answer, methods=["GET"])


def _form(desk: Desk, path: str, handler: Handler, scope: str | None) -> Route:
    return Route(path, Endpoint(desk, handler, scope, writes=True).answer, methods=["POST"])
