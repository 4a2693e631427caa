"""The step itself: complete the checkout, scan what the event brought, tell everybody."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from keyfuse_rules.matching import Matcher
from keyfuse_scanner import git, leak_report, modes
from keyfuse_scanner.action import remembering
from keyfuse_scanner.action.checkout import bring_history, bring_range, parents_of
from keyfuse_scanner.action.code_scanning import Analysis, Outcome, upload
from keyfuse_scanner.action.committed_policy import policy_at
from keyfuse_scanner.action.event import Event, Plan, plan
from keyfuse_scanner.action.job import Job, read_job
from keyfuse_scanner.action.remote import Remote, remote
from keyfuse_scanner.action.telling import Told, tell
from keyfuse_scanner.errors import NotARepository, PolicyError, ScannerError
from keyfuse_scanner.examine import Examined
from keyfuse_scanner.exits import Exit
from keyfuse_scanner.git import Repository
from keyfuse_scanner.left_out import InForce, what_is_left_out, with_stale
from keyfuse_scanner.model import ScanResult
from keyfuse_scanner.policy import Found, Policy
from keyfuse_scanner.reports import report
from keyfuse_scanner.rulebook import make_matcher
from keyfuse_scanner.scan import conclude
from keyfuse_scanner.scanning import Scanning
from keyfuse_scanner.verdict import exit_code

_SARIF = "keyfuse.sarif"


class _Rules(NamedTuple):
    """All that decides what counts."""

    found: Found
    matcher: Matcher
    left_out: InForce

    def result(self, scan: Callable[[Scanning], Examined]) -> ScanResult:
        """Return the result of a scan by these rules."""
        policy = self.found.policy
        scanning = Scanning(
            self.matcher, policy.max_file_size, rules_key=remembering.rules_key(policy)
        )
        return conclude(scan(scanning), self.matcher, suppression=self.left_out.suppression)


class _Brought(NamedTuple):
    """How to scan what the event brought, and what is to be said of it."""

    scan: Callable[[Scanning], Examined]
    notes: list[str]


def run(environ: Mapping[str, str], stream: TextIO) -> Exit:
    """Do what the event asks for, and return the exit code of the step.

    Args:
        environ: What the runner and `action.yml` set.
        stream: The log.

    Raises:
        ScannerError: the step cannot begin; the message says what to change in the workflow.
    """
    job = read_job(environ)
    repository = Repository(str(job.checkout))
    try:
        parents = parents_of(repository, job.commit_id)
    except NotARepository as error:
        raise NotARepository(f"{error}; a step actions/checkout belongs before this one") from None
    planned = plan(Event(job.event_name, job.payload, job.commit_id, parents))
    brought = _bring(planned, repository, remote(job.server, job.name, job.token.reveal()))
    with _rules_of(job, planned, repository, brought.notes) as rules:
        told = _scan(job, planned, rules, brought)
        alerts = _alert(job, planned, rules, repository)
        tell(job, planned, told._replace(alerts=alerts), stream)
        return exit_code(told.result, job.fail_on or rules.found.policy.fail_on)


def _bring(planned: Plan, repository: Repository, source: Remote) -> _Brought:
    """Fetch what the checkout lacks."""
    if planned.kind == "nothing":
        return _Brought(lambda _: Examined([], [], 0, 0), [])
    if planned.kind == "history":
        lacking = bring_history(repository, source)

        def scan(scanning: Scanning) -> Examined:
            examined = modes.scan_history(scanning, repository)
            return examined._replace(unscanned=examined.unscanned + lacking)

        return _Brought(scan, [])
    brought = bring_range(repository, source, planned)
    lost = brought.range.unscanned
    if brought.range.new is None and lost is not None:
        return _Brought(lambda _: Examined([], [lost], 0, 0), [])
    return _Brought(
        lambda scanning: modes.scan_commits(scanning, repository, brought.range),
        [brought.note] if brought.note else [],
    )


@contextmanager
def _rules_of(
    job: Job, planned: Plan, repository: Repository, notes: list[str]
) -> Iterator[_Rules]:
    """Read the policy of the commit that may set it, by way of a folder that goes away again."""
    with tempfile.TemporaryDirectory(prefix="keyfuse-") as folder:
        found = Found(Policy(), folder, str(job.checkout))
        try:
            if git.succeeds(repository, "cat-file", "-e", f"{planned.policy}^{{commit}}"):
                found = policy_at(repository, planned.policy, Path(folder), job.checkout)
            else:
                notes.append(f"commit {planned.policy} is not to be had, so no policy is in force")
            found = found._replace(policy=found.policy._replace(own_rule=job.report is None))
            # What somebody asks to be burned is found whatever the repository says.
            left_out = what_is_left_out(found, own_keys=job.report is None)
            matcher = make_matcher(found.policy)
        except ScannerError as error:
            message = str(error).replace(f"{folder}{os.sep}", "")
            raise PolicyError(f"in commit {planned.policy}: {message}") from None
        yield _Rules(found, matcher, left_out)


def _scan(job: Job, planned: Plan, rules: _Rules, brought: _Brought) -> Told:
    """Scan, and burn own keys before anybody can read of them."""
    result = rules.result(brought.scan)
    if planned.kind == "history" and not rules.found.policy.only:
        result = with_stale(result, rules.left_out.lists, "history")
    reported = 0
    if job.report is not None:
        unreported = leak_report.send(job.report, result.findings)
        result = result._replace(unreported=unreported)
        reported = leak_report.count(job.report, result.findings)
    return Told(result, brought.notes, reported)


def _alert(
    job: Job, planned: Plan, rules: _Rules, repository: Repository
) -> tuple[Outcome, Path] | None:
    """Give code scanning what the files hold.

    An alert there is open as long as the last log has it, so a log of one push alone would close
    those of all others.
    """
    commit_id = planned.files
    if commit_id is None or not job.uploads or not job.token.reveal():
        return None
    result = rules.result(lambda scanning: modes.scan_commit(scanning, repository, commit_id))
    sarif = "".join(report("sarif")(result))
    file = job.temporary / _SARIF
    file.write_text(sarif, "utf-8")
    return upload(sarif, Analysis(job.api, job.name, commit_id, job.ref), job.token), file
