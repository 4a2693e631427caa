"""Reporting on a push: a check run on its head commit, and a comment or an issue if wanted.

Each is found again by the id of its job, so that an attempt that broke off anywhere is taken up
where it ended: GitHub appends annotations, and would show repeated ones twice.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import structlog

from keyfuse_rules import Secret
from keyfuse_webhook.check_run import NAME, CheckRun, Found, compose
from keyfuse_webhook.events import Push
from keyfuse_webhook.git_fetch import RepositoryGone
from keyfuse_webhook.github_answers import ApiRefused
from keyfuse_webhook.github_api import Below, GitHubApi
from keyfuse_webhook.github_app import Purpose
from keyfuse_webhook.job_threads import in_threads
from keyfuse_webhook.jobs_model import Handler, Job, Outcome, TryAgain
from keyfuse_webhook.push_scan import PushScan

BATCH = 50
# Check runs, comments and issues among which one of ours is looked for.
_LOOKED_THROUGH = 300

Beside = Literal["comment", "issue"]
Token = Callable[[str, Purpose], Secret | None]

_log = structlog.get_logger(__name__)


class PushReports:
    """Publishes what the scan of a push gave.

    Args:
        beside: What to make beside the check run where keys of ours died.
    """

    def __init__(self, scan: PushScan, api: GitHubApi, token: Token, beside: Beside | None) -> None:
        self._scan = scan
        self._api = api
        self._token = token
        self._beside = beside

    def handler(self) -> Handler:
        """This as the job worker wants it."""
        return in_threads(self.report, "report", 1)

    def report(self, job: Job) -> Outcome:
        """Report on one push.

        Raises:
            TryAgain: GitHub cannot be asked right now.
        """
        push = Push.of(job)
        try:
            return self._report(job, push)
        except (RepositoryGone, ApiRefused) as error:
            _log.warning("push_not_reported", repository=str(push.repository), reason=str(error))
            return Outcome("failed", str(error))

    def _report(self, job: Job, push: Push) -> Outcome:
        scanned = self._scan.again(push)
        if scanned is None or scanned.head is None:
            return Outcome("done", "what was pushed is not there any more")
        run = compose(scanned.found, scanned.result.errors)
        publish(self._below(push, "check"), scanned.head, run, job.id)
        if self._beside is None or not _may_be_told(scanned.found):
            return Outcome("done", run.title)
        make = make_comment if self._beside == "comment" else make_issue
        make(self._below(push, self._beside), scanned.head, run, job.id)
        return Outcome("done", f"{run.title}; {self._beside} made")

    def _below(self, push: Push, purpose: Purpose) -> Below:
        token = self._token(push.installation, purpose)
        if token is None:
            raise RepositoryGone("no GitHub App is configured any more")
        return Below(self._api, f"/repos/{push.repository}", token)


def publish(repository: Below, head: str, run: CheckRun, name: str) -> None:
    """Make the check run, or finish it where it was begun.

    Args:
        repository: With `checks: write`.
        head: The commit.
        run: What it says.
        name: By which it is found again.

    Raises:
        TryAgain: GitHub cannot be asked right now.
        ApiRefused: It takes no check run there.
    """
    made = _find(repository, head, name)
    if made is None:
        body = {"name": NAME, "head_sha": head, "external_id": name, **_part(run, 0)}
        made, done = _object(repository.call("POST", "/check-runs", body)), BATCH
    else:
        done = _count(made)
    if made.get("status") == "completed":
        return
    path = f"/check-runs/{_id(made)}"
    for begin in range(done, max(len(run.annotations), done + 1), BATCH):
        repository.call("PATCH", path, _part(run, begin))


def _part(run: CheckRun, begin: int) -> dict[str, Any]:
    """The next annotations; the end with the last of them."""
    output = {
        "title": run.title,
        "summary": run.summary,
        "annotations": list(run.annotations[begin : begin + BATCH]),
    }
    if begin + BATCH >= len(run.annotations):
        return {"status": "completed", "conclusion": run.conclusion, "output": output}
    return {"status": "in_progress", "output": output}


def _find(repository: Below, head: str, name: str) -> Mapping[str, Any] | None:
    runs = repository.pages(
        f"/commits/{head}/check-runs",
        most=_LOOKED_THROUGH,
        query={"check_name": NAME, "filter": "all"},
        within="check_runs",
    )
    return next((run for run in runs if run.get("external_id") == name), None)


def make_comment(repository: Below, head: str, run: CheckRun, name: str) -> None:
    """Comment on the commit, once."""
    path = f"/commits/{head}/comments"
    if not _holds(repository.pages(path, most=_LOOKED_THROUGH), name):
        repository.call("POST", path, {"body": _body(run, name)})


def make_issue(repository: Below, _head: str, run: CheckRun, name: str) -> None:
    """Open an issue, once."""
    youngest = {"state": "all", "sort": "created", "direction": "desc"}
    if not _holds(repository.pages("/issues", most=_LOOKED_THROUGH, query=youngest), name):
        repository.call("POST", "/issues", {"title": run.title, "body": _body(run, name)})


def _body(run: CheckRun, name: str) -> str:
    return f"{run.summary}\n\n<!-- {name} -->"


def _holds(entries: Any, name: str) -> bool:
    return any(f"<!-- {name} -->" in str(entry.get("body")) for entry in entries)


def _may_be_told(found: list[Found]) -> bool:
    """Whether there are keys of ours, all of them dead: nobody is led to one that works."""
    states = {one.key.state for one in found if one.key is not None}
    return states == {"revoked"}


def _object(answer: Any) -> Mapping[str, Any]:
    if not isinstance(answer, dict):
        raise TryAgain("GitHub's API gave no check run")
    return answer


def _id(run: Mapping[str, Any]) -> int:
    given = run.get("id")
    if type(given) is not int:
        raise TryAgain("GitHub's API gave a check run without an id")
    return given


def _count(run: Mapping[str, Any]) -> int:
    """How many annotations a check run has."""
    output = run.get("output")
    given = output.get("annotations_count") if isinstance(output, dict) else None
    return given if type(given) is int and given >= 0 else 0
