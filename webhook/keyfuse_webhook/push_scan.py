"""Looking at what a push brought: fetched into a mirror, scanned for our own keys, proven."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from keyfuse_rules import Secret
from keyfuse_scanner.git import Repository
from keyfuse_scanner.model import Finding, ScanResult
from keyfuse_scanner.modes import scan_range
from keyfuse_scanner.scan import conclude
from keyfuse_scanner.scanning import Scanning
from keyfuse_store import KeyStore
from keyfuse_webhook.check_run import Found
from keyfuse_webhook.events import Push
from keyfuse_webhook.git_fetch import FetchFailed, fetch
from keyfuse_webhook.github_names import is_zero
from keyfuse_webhook.jobs_model import TryAgain
from keyfuse_webhook.legacy_rules import ID as LEGACY
from keyfuse_webhook.matchers import of_own_keys
from keyfuse_webhook.mirrors import Mirrors
from keyfuse_webhook.push_range import (
    Fetch,
    NewCommits,
    fetch_again,
    fetch_new,
    head_commit,
)

# The token that reads an installation's repositories; None without an installation or an App.
Tokens = Callable[[str], Secret | None]


class Scanned(NamedTuple):
    """What a scan of a push gave.

    Attributes:
        head: The commit that stands for the push; None where it brings no commit.
        found: Keys with a right checksum, and which of them are ours; keys of ours from before
            keyfuse.
    """

    new: NewCommits
    head: str | None
    found: list[Found]
    result: ScanResult

    def ours(self) -> set[str]:
        """The ids of our keys that were found."""
        return {one.key.id for one in self.found if one.key is not None}


class PushScan:
    """Scans pushes, one repository at a time each."""

    def __init__(self, store: KeyStore, mirrors: Mirrors, tokens: Tokens) -> None:
        self._store = store
        self._mirrors = mirrors
        self._tokens = tokens
        # Nothing else can be killed, and nothing shall wait for the rest.
        self._matchers = of_own_keys(store.settings)

    def first(self, push: Push) -> Scanned | None:
        """Work out what is new and scan it; None where the pushed tip is not there any more.

        Raises:
            TryAgain: The repository cannot be fetched right now.
            RepositoryGone: It will not be there again.
        """
        with self._mirror(push) as (mirror, fetcher):
            new = fetch_new(mirror, push, fetcher)
            return None if new is None else self._scan(mirror, new)

    def again(self, push: Push) -> Scanned | None:
        """Scan a range that `first` worked out: of `before`, or of nothing, to `after`.

        Raises:
            TryAgain: As `first` does.
            RepositoryGone: As `first` does.
        """
        new = NewCommits(None if is_zero(push.before) else push.before, push.after)
        with self._mirror(push) as (mirror, fetcher):
            return self._scan(mirror, new) if fetch_again(mirror, new, fetcher) else None

    @contextmanager
    def _mirror(self, push: Push) -> Iterator[tuple[Path, Fetch]]:
        url = push.repository.clone_url(self._store.settings.github_server_url)
        with self._mirrors.mirror(push.repository) as mirror:

            def fetcher(refspecs: list[str], depth: int | None) -> None:
                token = self._tokens(push.installation)
                fetch(mirror, url, refspecs, token=token, depth=depth)

            try:
                yield mirror, fetcher
            except FetchFailed as error:
                # Whatever was left lying by a process that died is gone with the mirror.
                self._mirrors.discard(push.repository)
                raise TryAgain(str(error)) from None

    def _scan(self, mirror: Path, new: NewCommits) -> Scanned:
        # Nothing is judged away: whether it is a key of ours is proven, not guessed.
        matcher = self._matchers.here()
        scanning = Scanning(matcher, every=True)
        examined = scan_range(scanning, Repository(str(mirror)), str(new))
        result = conclude(examined, matcher, every=True)
        findings = [finding for finding in result.findings if may_be_ours(finding)]
        keys = self._store.match([finding.secret.reveal() for finding in findings])
        found = [
            Found(finding, key)
            for finding, key in zip(findings, keys, strict=True)
            # What only looks like a key from before keyfuse is nothing to speak of.
            if key is not None or finding.checksum == "valid"
        ]
        return Scanned(new, head_commit(mirror, new), found, result)


def may_be_ours(finding: Finding) -> bool:
    """Whether a finding is worth the proof: a right checksum, or a key from before keyfuse."""
    return finding.checksum == "valid" or finding.rule.startswith(LEGACY)
