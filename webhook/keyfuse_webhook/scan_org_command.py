"""What `keyfuse github scan-org` does once its options are read: begin, work, follow, report."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from keyfuse_rules.pack import default_rules
from keyfuse_scanner.model import ScanResult
from keyfuse_scanner.policy_fields import parse_severity
from keyfuse_scanner.reports import report
from keyfuse_scanner.reports.text import problem_line
from keyfuse_scanner.terminal import complain, open_output, wants_colour, write
from keyfuse_scanner.verdict import exit_code
from keyfuse_store import KeyStore, scans
from keyfuse_store.cli.shell import load_settings
from keyfuse_store.scans import Progress, Scan
from keyfuse_webhook import scan_org as steps
from keyfuse_webhook.errors import InvalidSetting
from keyfuse_webhook.github_api import GitHubApi
from keyfuse_webhook.github_jobs import github_app, scan_handler
from keyfuse_webhook.github_names import account_name
from keyfuse_webhook.jobs import JobWorker
from keyfuse_webhook.legacy_rules import legacy_rules
from keyfuse_webhook.repository_scan import SCAN
from keyfuse_webhook.scan_result import Scanned, document, gathered, whole
from keyfuse_webhook.user_token import user_token
from keyfuse_webhook.working import job_database, open_queue, running

# Seconds between lines where nobody sees a line change.
_QUIET = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for.

    Attributes:
        account, path_list, resume: One of them says what to scan.
        kills: Deal with keys of ours that are found.
        works: Take part in the work.
        form: Of the report.
    """

    account: str | None = None
    path_list: str | None = None
    resume: str | None = None
    kills: bool = True
    works: bool = True
    form: str = "text"
    output: str | None = None
    fail_on: str = "low"
    exit_zero: bool = False


def run(wish: Wish, config: str | None, database_url: str | None) -> int:
    """Scan and report; gives the exit code.

    Raises:
        StoreError: The database cannot be used.
        WebhookError: What to scan is not there, or GitHub will not say.
    """
    settings = load_settings(config, database_url)
    with KeyStore.open(settings=settings) as store:
        scan = _begun(store, wish)
        complain(f"{scan.id}: {scan.title}")
        with _worker(store) if wish.works else nullcontext():
            _follow(store, scan)
        with store.read() as connection:
            scanned = list(gathered(scans.parts(connection, scan.id)))
    rules = {rule.rule_id: rule for rule in (*default_rules(), *legacy_rules(settings.key_types))}
    result = whole(scanned, rules)
    _report(wish, scan, scanned, result)
    return exit_code(result, parse_severity(wish.fail_on), exit_zero=wish.exit_zero)


def _begun(store: KeyStore, wish: Wish) -> Scan:
    """The scan that is asked for, with its parts in line."""
    with open_queue(store) as queue:
        if wish.resume is not None:
            with store.read() as connection:
                scan = scans.get(connection, wish.resume)
            if scan is None:
                raise InvalidSetting("--resume: there is no such scan (any more)")
            steps.put_in_line(store, queue.enqueue, scan.id)
            return scan
        listing = (
            steps.list_paths(Path(wish.path_list))
            if wish.path_list
            else _listed(store, wish.account or "")
        )
        if listing.left_out:
            complain(f"{listing.left_out} repositories are left out: their names hold keys")
        return steps.begin(store, queue.enqueue, listing, kills=wish.kills)


def _listed(store: KeyStore, account: str) -> steps.Listing:
    """The repositories of an account, as the App sees them, or as GITHUB_TOKEN does."""
    if account_name(account) is None:
        raise InvalidSetting("that is no name of an organisation")
    app = github_app(store.settings)
    api = GitHubApi(store.settings.github_api_url)
    try:
        if app is not None:
            return steps.list_as_app(api, app, account)
        return steps.list_as_user(api, user_token(os.environ), account)
    finally:
        api.close()


@contextmanager
def _worker(store: KeyStore) -> Iterator[None]:
    """Take part in the work while the block lasts."""
    with open_queue(store) as queue:
        handlers = {SCAN: scan_handler(store, queue.enqueue)}
        with running([JobWorker(job_database(store), handlers)]):
            yield


def _follow(store: KeyStore, scan: Scan) -> None:
    line = Line(sys.stderr)
    try:
        steps.follow(store, scan.id, line.show)
    except KeyboardInterrupt:
        complain(f"the scan stands as it is; go on with --resume {scan.id}")
        raise
    finally:
        line.end()


class Line:
    """Progress: a line that changes at a terminal, now and then a line elsewhere."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._changes = stream.isatty()
        self._last = float("-inf")

    def show(self, now: Progress) -> None:
        """Say how far the scan is."""
        ended = now.done + now.failed
        words = f"{ended} of {ended + now.waiting} parts scanned, {now.findings} findings"
        if now.failed:
            words += f", {now.failed} failed"
        if self._changes:
            write(self._stream, [f"\r\x1b[K{words}"])
        elif not now.waiting or self._clock() - self._last >= _QUIET:
            self._last = self._clock()
            complain(words)

    def end(self) -> None:
        """Let the next line begin below."""
        if self._changes:
            write(self._stream, ["\n"])


def _report(wish: Wish, scan: Scan, scanned: Sequence[Scanned], result: ScanResult) -> None:
    with open_output(wish.output) if wish.output else nullcontext(sys.stdout) as stream:
        if wish.form == "json":
            write(stream, [json.dumps(document(scanned, scan.id), indent=2) + "\n"])
            return
        colour = wish.form == "text" and wants_colour(stream, os.environ)
        write(stream, report(wish.form)(result, colour=colour))
    for problem in result.errors:
        complain(problem_line(problem))
