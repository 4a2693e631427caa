"""What the job of a part of a large scan does: get the repository, scan it, kill what is ours.

A repository with very many objects is split into shards first, each a job of its own. Doing any of
it again changes nothing, so a worker may die anywhere.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from keyfuse_scanner import git
from keyfuse_scanner.errors import ScannerError
from keyfuse_scanner.git import Repository
from keyfuse_scanner.model import Finding, ScanResult
from keyfuse_scanner.modes import scan_history
from keyfuse_scanner.scan import conclude
from keyfuse_scanner.scanning import Scanning
from keyfuse_scanner.storereading import Shard
from keyfuse_store import KeyStore, scans
from keyfuse_store.evidence import Evidence
from keyfuse_store.scans import Part, Scan
from keyfuse_webhook.git_fetch import FetchFailed, NoSuchObject, RepositoryGone, fetch
from keyfuse_webhook.github_names import repository_name
from keyfuse_webhook.job_threads import in_threads
from keyfuse_webhook.jobs_model import Handler, Job, Outcome, TryAgain
from keyfuse_webhook.matchers import of_everything
from keyfuse_webhook.mirrors import Mirrors
from keyfuse_webhook.push_scan import Tokens, may_be_ours
from keyfuse_webhook.revocation import Enqueue, LeakResponse, Sighting
from keyfuse_webhook.scan_result import to_text

SCAN = "scan-part"
ACTOR = "scan"
# Some minutes of work; a shard needs the whole repository on its worker's disk.
SHARD_OBJECTS = 500_000
_MOST_SHARDS = 64
_AT_ONCE = 2
_FETCH_TIMEOUT = 3600.0
# Some two minutes of pauses: a repository that nobody can fetch shall not keep its place for ever.
_MOST_FETCHES = 8
_REFS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", "+refs/notes/*:refs/notes/*")
# Lines cost the queue a look each; parts of one line wait for each other.
_LINES = 32

_log = structlog.get_logger(__name__)


class RepositoryScans:
    """Scans the parts of large scans.

    Args:
        mirrors: Of their own: a push shall not wait for a scan.
        shard_objects: With more of them a repository is split.
    """

    def __init__(
        self,
        store: KeyStore,
        enqueue: Enqueue,
        mirrors: Mirrors,
        tokens: Tokens,
        *,
        shard_objects: int = SHARD_OBJECTS,
    ) -> None:
        self._store = store
        self._enqueue = enqueue
        self._response = LeakResponse(store, enqueue)
        self._mirrors = mirrors
        self._tokens = tokens
        self._shard_objects = shard_objects
        self._matchers = of_everything(store.settings)
        self._broken: Counter[str] = Counter()

    def handler(self) -> Handler:
        """This as the job worker wants it."""
        return in_threads(self.run, "scan", _AT_ONCE, taken=_AT_ONCE)

    def run(self, job: Job) -> Outcome:
        """Scan one part.

        Raises:
            TryAgain: The repository cannot be fetched right now.
        """
        scan_id, number, shard = job.arguments
        with self._store.read() as connection:
            scan = scans.get(connection, scan_id)
            part = scans.part(connection, scan_id, int(number), int(shard))
        if scan is None or part is None:
            return Outcome("done", "nobody wants to know any more")
        if part.state == "done":
            return Outcome("done", "it was scanned before")
        try:
            result = self._scan(scan, part)
        except (RepositoryGone, NoSuchObject, ScannerError) as error:
            return self._failed(part, str(error))
        with self._store.begin() as connection:
            scans.end(connection, part, result=to_text(result), findings=len(result.findings))
        _log.info("part_scanned", scan=scan.id, number=part.number, shard=part.shard)
        return Outcome("done", f"{len(result.findings)} findings")

    def _failed(self, part: Part, reason: str) -> Outcome:
        with self._store.begin() as connection:
            scans.end(connection, part, reason=reason)
        return Outcome("failed", reason)

    def _scan(self, scan: Scan, part: Part) -> ScanResult:
        with self._repository(scan, part) as repository:
            shards = self._split(part, repository)
            shard = Shard(part.shard, shards) if shards > 1 else None
            # One process: a worker has threads, and forking those ends badly.
            matcher = self._matchers.here()
            examined = scan_history(Scanning(matcher, jobs=1), repository, shard=shard)
            result = conclude(examined, matcher)
            if scan.kills:
                self._kill(scan, part, result)
            return result

    @contextmanager
    def _repository(self, scan: Scan, part: Part) -> Iterator[Repository]:
        if scan.source == "paths":
            yield Repository(part.subject)
            return
        name = repository_name(part.subject)
        if name is None:
            raise RepositoryGone("that is no name of a repository")
        url = name.clone_url(self._store.settings.github_server_url)

        def refresh(mirror: Path) -> None:
            token = self._tokens(scan.installation)
            try:
                fetch(mirror, url, _REFS, token=token, prune=True, timeout=_FETCH_TIMEOUT)
            except FetchFailed as error:
                self._mirrors.discard(name)
                self._broken[part.subject] += 1
                if self._broken[part.subject] >= _MOST_FETCHES:
                    del self._broken[part.subject]
                    raise RepositoryGone(f"it cannot be fetched: {error}") from None
                raise TryAgain(str(error)) from None

        with self._mirrors.reading(name, refresh) as mirror:
            yield Repository(str(mirror))

    def _split(self, part: Part, repository: Repository) -> int:
        """Make shards of a repository that is too large for one job; gives their number."""
        if part.shards > 1:
            return part.shards
        shards = min(-(-_count(repository) // self._shard_objects), _MOST_SHARDS)
        if shards > 1:
            with self._store.begin() as connection:
                for new in scans.split(connection, part, shards):
                    self._enqueue(connection, part_job(new))
        return max(shards, 1)

    def _kill(self, scan: Scan, part: Part, result: ScanResult) -> None:
        findings = [finding for finding in result.findings if may_be_ours(finding)]
        keys = self._store.match([finding.secret.reveal() for finding in findings])
        sightings = [
            Sighting(key, self._evidence(scan, part, finding), part.private)
            for finding, key in zip(findings, keys, strict=True)
            if key is not None
        ]
        if sightings:
            self._response.respond(sightings, actor=ACTOR)

    def _evidence(self, scan: Scan, part: Part, finding: Finding) -> Evidence:
        name = repository_name(part.subject) if scan.source == "github" else None
        if name is not None and finding.commit is not None:
            server = self._store.settings.github_server_url
            url = name.place_url(server, finding.commit, finding.path, finding.line)
        else:
            url = ":".join(str(one) for one in (part.subject, finding.path, finding.line) if one)
        return Evidence(origin="scan", trust="scan", source=finding.place, url=url)


def part_job(part: Part) -> Job:
    """The job of a part; its id makes it unique."""
    name = f"{part.scan_id}-{part.number}-{part.shard}"
    line = f"{part.scan_id}-{(part.number + part.shard) % _LINES}"
    return Job(name, SCAN, (part.scan_id, str(part.number), str(part.shard)), line=line)


def _count(repository: Repository) -> int:
    """How many objects a repository has, as git counts them without looking."""
    printed = git.run(repository, "count-objects", "-v").decode("ascii", "replace")
    counts = dict(line.split(": ", 1) for line in printed.splitlines() if ": " in line)
    return int(counts.get("count", 0)) + int(counts.get("in-pack", 0))
