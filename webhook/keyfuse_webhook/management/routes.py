"""Where the management API and its documentation are reached."""

from collections.abc import Mapping, Sequence

from starlette.routing import Route
from starlette.types import ASGIApp

from keyfuse_webhook.management.api import OPERATIONS
from keyfuse_webhook.management.endpoint import Endpoint, Methods
from keyfuse_webhook.management.guard import Guard
from keyfuse_webhook.management.model import Desk
from keyfuse_webhook.management.openapi import document
from keyfuse_webhook.management.pages import document_page, documentation_page


def management_routes(desk: Desk, guard: Guard, reports: Mapping[str, ASGIApp]) -> Sequence[Route]:
    """A route for each path, which answers for every method.

    Args:
        desk: What the operations work on.
        guard: Who may manage.
        reports: What else answers at `/v1/leaks`, by method: reports of leaks, if taken here.
    """
    paths: dict[str, dict[str, ASGIApp]] = {"/v1/leaks": {**reports}}
    # A fixed path before one with a parameter in its place.
    for operation in sorted(OPERATIONS, key=lambda one: "{" in one.path):
        endpoint = Endpoint(operation, desk, guard)
        paths.setdefault(operation.path, {})[operation.method] = endpoint
    described = document(leaks=bool(reports))
    paths["/openapi.json"] = {"GET": document_page(described)}
    paths["/docs"] = {"GET": documentation_page(described)}
    return [Route(path, Methods(by_method)) for path, by_method in paths.items()]
