"""What a page knows about a request, once it has passed the desk."""

from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response

from keyfuse_store import KeyStore
from keyfuse_store.principal import Principal
from keyfuse_webhook.console.forms import Form
from keyfuse_webhook.console.headers import HEADERS, PRIVATE
from keyfuse_webhook.console.render import page
from keyfuse_webhook.errors import WebhookError
from keyfuse_webhook.jobs import JobQueue

# What the bar at the top leads to, and the scope that it takes.
_PLACES = (
    ("/console", "Overview", None),
    ("/console/keys", "Keys", "keyfuse:keys.read"),
    ("/console/leaks", "Leaks", "keyfuse:leaks.read"),
    ("/console/owners", "Owners", "keyfuse:owners.read"),
    ("/console/audit", "Audit", "keyfuse:audit.read"),
    ("/console/jobs", "Jobs", "keyfuse:jobs.read"),
)


class NotThere(WebhookError):
    """What a path names does not exist, or not for whoever asks."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who is signed in.

    Attributes:
        store: Where the keys are.
        queue: Where the jobs are.
        who: Whose session it is, and what he may do as his key stands now.
        session: The digest of his session.
        owner_id: The owner whose portal it is; None in the console.
        at: The present time in epoch microseconds.
        address: From where, as the audit record keeps it.
        form_token: What each form has to carry.
        path: The parts of the path that vary.
        query: What stands behind the question mark.
        form: What a POST carries.
    """

    store: KeyStore
    queue: JobQueue
    who: Principal
    session: bytes
    owner_id: str | None
    at: int
    address: str | None
    form_token: str
    path: Form
    query: Form
    form: Form

    def page(self, template: str, status: int = 200, **values: object) -> Response:
        """A page, with what all pages show."""
        portal = self.owner_id is not None
        frame = {
            "who": self.who,
            "at": self.at,
            "form_token": self.form_token,
            "home": "/portal" if portal else "/console",
            "places": [] if portal else self._places(),
        }
        return page(template, status, may=self.may, **frame, **values)

    def may(self, scope: str) -> bool:
        """Tell whether he holds a scope, given without its `keyfuse:` or with it."""
        return self.who.may(f"keyfuse:{scope.removeprefix('keyfuse:')}")

    def _places(self) -> list[tuple[str, str]]:
        return [(path, name) for path, name, scope in _PLACES if not scope or self.may(scope)]


def go_to(path: str) -> Response:
    """After a form: a page of ours, asked for with GET."""
    return RedirectResponse(path, 303, headers={**HEADERS, **PRIVATE})
