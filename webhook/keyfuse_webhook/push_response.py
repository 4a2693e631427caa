"""What a push job does: scan what is new, kill what is ours, have it reported."""

from dataclasses import replace

import structlog

from keyfuse_scanner.model import Finding
from keyfuse_store import KeyStore
from keyfuse_store.evidence import Evidence
from keyfuse_store.times import parse_moment
from keyfuse_webhook.events import Push
from keyfuse_webhook.git_fetch import RepositoryGone
from keyfuse_webhook.job_threads import in_threads
from keyfuse_webhook.jobs_model import Handler, Job, Outcome
from keyfuse_webhook.push_scan import PushScan, Scanned
from keyfuse_webhook.revocation import Enqueue, LeakResponse, Sighting

ACTOR = "scan"
REPORT = "report"
# Repositories that are fetched and scanned at the same time.
_AT_ONCE = 2

_log = structlog.get_logger(__name__)


class PushResponse:
    """Deals with pushes.

    Args:
        reports: Where jobs go that report on a push; None where nobody does.
    """

    def __init__(
        self, store: KeyStore, response: LeakResponse, scan: PushScan, reports: Enqueue | None
    ) -> None:
        self._store = store
        self._response = response
        self._scan = scan
        self._reports = reports

    def handler(self) -> Handler:
        """This as the job worker wants it."""
        return in_threads(self.respond, "push", _AT_ONCE)

    def respond(self, job: Job) -> Outcome:
        """Deal with one push.

        Raises:
            TryAgain: The repository cannot be fetched right now.
        """
        push = Push.of(job)
        try:
            scanned = self._scan.first(push)
        except RepositoryGone as error:
            _log.warning("push_not_scanned", repository=str(push.repository), reason=str(error))
            return Outcome("failed", str(error))
        if scanned is None:
            return Outcome("done", "what was pushed is not there any more")
        self._kill(push, scanned, job.enqueued_us)
        self._have_reported(job, push, scanned)
        _log.info(
            "push_scanned",
            repository=str(push.repository),
            objects=scanned.result.objects,
            ours=len(scanned.ours()),
            complete=scanned.result.complete,
        )
        return Outcome("done", _words(scanned))

    def _kill(self, push: Push, scanned: Scanned, received: int | None) -> None:
        sightings = [
            Sighting(key, self._evidence(push, scanned.new.tip, finding), push.private)
            for finding, key in scanned.found
            if key is not None
        ]
        if sightings:
            self._response.respond(sightings, actor=ACTOR, received=received)

    def _evidence(self, push: Push, tip: str, finding: Finding) -> Evidence:
        url = push.repository.place_url(
            self._store.settings.github_server_url,
            finding.commit or tip,
            finding.path,
            finding.line,
        )
        claimed = None
        if finding.date is not None:
            moment = parse_moment("date", finding.date)
            claimed = int(moment.timestamp() * 1_000_000)
        return Evidence(
            origin="scan",
            trust="scan",
            source=finding.place,
            url=url,
            claimed_us=claimed,
            commit=finding.commit,
            path=finding.path,
            line=finding.line,
        )

    def _have_reported(self, job: Job, push: Push, scanned: Scanned) -> None:
        """Enqueue the report, of exactly this range: what is new is another thing later."""
        if self._reports is None or not push.installation or scanned.head is None:
            return
        ranged = replace(push, before=scanned.new.base or "0" * 40, after=scanned.new.tip)
        report = Job(f"{REPORT}-{job.id}", REPORT, ranged.arguments(), line=str(push.repository))
        with self._store.begin() as connection:
            self._reports(connection, report)


def _words(scanned: Scanned) -> str:
    ours, errors = len(scanned.ours()), len(scanned.result.errors)
    keys = (
        "no key of ours" if not ours else "1 key of ours" if ours == 1 else f"{ours} keys of ours"
    )
    return f"{keys}; {errors} things could not be scanned" if errors else keys
