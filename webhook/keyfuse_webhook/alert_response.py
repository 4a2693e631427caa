"""What the job of a secret scanning alert does: ask for the secret, kill what is ours, resolve.

The event names an alert and has no secret in it. The key dies before its places are asked for,
and the alert is resolved only when all in it is ours and dead; others' alerts are left alone.
"""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from keyfuse_rules import Secret
from keyfuse_store import KeyStore
from keyfuse_store.evidence import EVIDENCE_MAX, Evidence
from keyfuse_store.model import Key
from keyfuse_webhook.events import AlertNamed
from keyfuse_webhook.git_fetch import RepositoryGone
from keyfuse_webhook.github_answers import ApiRefused
from keyfuse_webhook.github_api import Below, GitHubApi
from keyfuse_webhook.github_app import Purpose
from keyfuse_webhook.job_threads import in_threads
from keyfuse_webhook.jobs_model import Handler, Job, Outcome, TryAgain
from keyfuse_webhook.revocation import LeakResponse, Sighting
from keyfuse_webhook.secret_alert import candidates, first_place, places

ACTOR = "github"
_AT_ONCE = 2

Token = Callable[[str, Purpose], Secret | None]

_log = structlog.get_logger(__name__)


class AlertResponse:
    """Deals with alerts.

    Args:
        token: Gives tokens of the App's installations.
    """

    def __init__(
        self, store: KeyStore, response: LeakResponse, api: GitHubApi, token: Token
    ) -> None:
        self._store = store
        self._response = response
        self._api = api
        self._token = token

    def handler(self) -> Handler:
        """This as the job worker wants it."""
        return in_threads(self.respond, "alert", _AT_ONCE)

    def respond(self, job: Job) -> Outcome:
        """Deal with one alert.

        Raises:
            TryAgain: GitHub cannot be asked right now.
        """
        alert = AlertNamed.of(job)
        try:
            return self._respond(alert, job.enqueued_us)
        except (RepositoryGone, ApiRefused) as error:
            _log.warning("alert_not_dealt_with", alert=_named(alert), reason=str(error))
            return Outcome("failed", str(error))

    def _respond(self, alert: AlertNamed, received: int | None) -> Outcome:
        token = self._token(alert.installation, "alert")
        if token is None:
            return Outcome("failed", NO_APP)
        at = Below(self._api, f"/repos/{alert.repository}/secret-scanning/alerts", token)
        document = at.call("GET", f"/{alert.number}")
        if not isinstance(document, dict):
            raise TryAgain("GitHub's API gave no alert")
        texts = candidates(document)
        keys = {key.id: key for key in self._store.match(texts) if key is not None}
        if not keys:
            return Outcome("done", "not a key of ours")
        # A secret that is public elsewhere is public, whoever can read this repository.
        private = alert.private and document.get("publicly_leaked") is not True
        server = self._store.settings.github_server_url
        self._tell(keys, places(alert, server, first_place(document)), private, received)
        told = at.pages(f"/{alert.number}/locations", most=EVIDENCE_MAX)
        self._tell(keys, places(alert, server, told), private, received)
        dead = all(key.state == "revoked" for key in self._store.match(texts) if key is not None)
        return self._resolve(at, alert, document, sorted(keys), dead=dead)

    def _tell(
        self,
        keys: Mapping[str, Key],
        evidence: list[Evidence],
        private: bool,
        received: int | None,
    ) -> None:
        sightings = [Sighting(key, one, private) for key in keys.values() for one in evidence]
        self._response.respond(sightings, actor=ACTOR, received=received)

    def _resolve(
        self,
        at: Below,
        alert: AlertNamed,
        document: Mapping[str, Any],
        key_ids: list[str],
        *,
        dead: bool,
    ) -> Outcome:
        ours = "1 key of ours" if len(key_ids) == 1 else f"{len(key_ids)} keys of ours"
        if not dead:
            return Outcome("done", f"{ours}, still valid; the alert stays open")
        if document.get("state") != "open":
            return Outcome("done", f"{ours}; the alert was resolved before")
        comment = f"Revoked by keyfuse: every request with it is refused (key {key_ids[0]})."
        body = {"state": "resolved", "resolution": "revoked", "resolution_comment": comment}
        at.call("PATCH", f"/{alert.number}", body)
        _log.info("alert_resolved", alert=_named(alert), keys=key_ids)
        return Outcome("done", f"{ours}; the alert is resolved")


def _named(alert: AlertNamed) -> str:
    return f"{alert.repository}#{alert.number}"


NO_APP = "without a GitHub App and its installation the secret of an alert cannot be asked for"
