"""What a push job does: fetch what is new, scan it, kill what is ours."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import structlog

from keyfuse_rules import Secret
from keyfuse_rules.matching import Matcher
from keyfuse_rules.pack import default_rules
from keyfuse_scanner.git import Repository
from keyfuse_scanner.model import Finding, ScanResult
from keyfuse_scanner.modes import Scanning, scan_range
from keyfuse_scanner.scan import conclude
from keyfuse_store import KeyStore
from keyfuse_store.leaks import Evidence
from keyfuse_store.times import parse_moment
from keyfuse_webhook.events import Push
from keyfuse_webhook.git_fetch import FetchFailed, RepositoryGone, fetch
from keyfuse_webhook.github_names import RepositoryName
from keyfuse_webhook.jobs_model import Handler, Job, Outcome, TryAgain, nothing_to_conclude
from keyfuse_webhook.mirrors import Mirrors
from keyfuse_webhook.push_range import NewCommits, fetch_new
from keyfuse_webhook.revocation import LeakResponse, Sighting

OWN_RULE = "keyfuse-key"
ACTOR = "scan"
# Repositories that are fetched and scanned at the same time.
_AT_ONCE = 2

# The token for a repository by the App's installation; None where it is public or there is no App.
Tokens = Callable[[str, RepositoryName], Secret | None]

_log = structlog.get_logger(__name__)


class PushResponse:
    """Deals with pushes, one repository at a time each."""

    def __init__(
        self, store: KeyStore, response: LeakResponse, mirrors: Mirrors, tokens: Tokens
    ) -> None:
        self._store = store
        self._response = response
        self._mirrors = mirrors
        self._tokens = tokens
        # Of its own: a slow server must not keep mails waiting.
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="push")

    def handler(self) -> Handler:
        """This as the job worker wants it."""

        async def attempt(job: Job) -> Outcome:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self.respond, job)

        return Handler(attempt, nothing_to_conclude, one_at_a_time=False)

    def respond(self, job: Job) -> Outcome:
        """Deal with one push.

        Raises:
            TryAgain: The repository cannot be fetched right now.
        """
        push = Push.of(job)
        with self._mirrors.mirror(push.repository) as mirror:
            try:
                new = fetch_new(mirror, push, self._fetcher(mirror, push))
            except RepositoryGone as error:
                _log.warning("push_not_scanned", repository=str(push.repository), reason=str(error))
                return Outcome("failed", str(error))
            except FetchFailed as error:
                # Whatever was left lying by a process that died is gone with the mirror.
                self._mirrors.discard(push.repository)
                raise TryAgain(str(error)) from None
            if new is None:
                return Outcome("done", "what was pushed is not there any more")
            return self._scan(mirror, push, new)

    def _fetcher(self, mirror: Path, push: Push) -> Callable[[list[str], int | None], None]:
        url = push.repository.clone_url(self._store.settings.github_server_url)
        token = self._tokens(push.installation, push.repository)
        return lambda refspecs, depth: fetch(mirror, url, refspecs, token=token, depth=depth)

    def _scan(self, mirror: Path, push: Push, new: NewCommits) -> Outcome:
        # Nothing is judged away: whether it is a key of ours is proven, not guessed.
        scanning = Scanning(self._matcher, every=True)
        examined = scan_range(scanning, Repository(str(mirror)), str(new))
        result = conclude(examined, self._matcher, every=True)
        ours = self._kill(push, new, result)
        _log.info(
            "push_scanned",
            repository=str(push.repository),
            objects=result.objects,
            ours=ours,
            complete=result.complete,
        )
        return Outcome("done", _words(ours, result))

    def _kill(self, push: Push, new: NewCommits, result: ScanResult) -> int:
        findings = [finding for finding in result.findings if finding.checksum == "valid"]
        found = self._store.match([finding.secret.reveal() for finding in findings])
        sightings = [
            Sighting(key, self._evidence(push, new, finding), push.private)
            for finding, key in zip(findings, found, strict=True)
            if key is not None
        ]
        if sightings:
            self._response.respond(sightings, actor=ACTOR)
        return len({sighting.key.id for sighting in sightings})

    def _evidence(self, push: Push, new: NewCommits, finding: Finding) -> Evidence:
        url = push.repository.place_url(
            self._store.settings.github_server_url,
            finding.commit or new.tip,
            finding.path,
            finding.line,
        )
        claimed = None
        if finding.date is not None:
            moment = parse_moment("date", finding.date)
            claimed = int(moment.timestamp() * 1_000_000)
        return Evidence(
            origin="scan", trust="scan", source=finding.place, url=url, claimed_us=claimed
        )

    @cached_property
    def _matcher(self) -> Matcher:
        """Our own keys alone: nothing else can be killed, and nothing shall wait for the rest."""
        return Matcher([rule for rule in default_rules() if rule.rule_id == OWN_RULE])


def _words(ours: int, result: ScanResult) -> str:
    keys = (
        "no key of ours" if not ours else "1 key of ours" if ours == 1 else f"{ours} keys of ours"
    )
    return keys if result.complete else f"{keys}; {len(result.errors)} things could not be scanned"
