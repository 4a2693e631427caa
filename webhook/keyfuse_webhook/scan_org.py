"""A scan of many repositories from its beginning to its end: listed, put in line, followed.

What is to be done stands in the database before anything is done. So the command that began a scan
may end, and the workers finish it; whoever asks later gets the report.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from keyfuse_rules import Secret
from keyfuse_rules.keyfinding import find_keys
from keyfuse_scanner.printable import harmless
from keyfuse_store import KeyStore, scans
from keyfuse_store.scans import Progress, Scan, Source, Subject
from keyfuse_webhook.errors import InvalidSetting
from keyfuse_webhook.github_answers import ApiRefused
from keyfuse_webhook.github_api import GitHubApi
from keyfuse_webhook.github_app import GitHubApp
from keyfuse_webhook.github_names import repository_name
from keyfuse_webhook.repository_scan import part_job
from keyfuse_webhook.revocation import Enqueue

_MOST_REPOSITORIES = 100_000
_BATCH = 100
_LOOK = 0.5
_NOT_FOUND = 404


class Listing(NamedTuple):
    """The repositories of a scan.

    Attributes:
        installation: Of the App that reads them; empty without one.
        left_out: How many are not scanned, for their names cannot be written down.
    """

    source: Source
    title: str
    installation: str
    subjects: list[Subject]
    left_out: int = 0


def list_as_app(api: GitHubApi, app: GitHubApp, account: str) -> Listing:
    """The repositories of an account that the App may read.

    Raises:
        ApiRefused: The App is not installed there.
        TryAgain: GitHub cannot be asked right now.
    """
    installation = _installation(api, app.jwt(), account)
    token = app.token(installation, "list")
    found = api.pages(
        "/installation/repositories", token, most=_MOST_REPOSITORIES, within="repositories"
    )
    return _listing(account, installation, found)


def list_as_user(api: GitHubApi, token: Secret | None, account: str) -> Listing:
    """The repositories of an organisation that a token may see; without one the public ones.

    Raises:
        ApiRefused: There is no such organisation.
        TryAgain: GitHub cannot be asked right now.
    """
    found = api.pages(f"/orgs/{account}/repos", token, most=_MOST_REPOSITORIES)
    return _listing(account, "", found)


def list_paths(file: Path) -> Listing:
    """The repositories at the paths that a file names, one a line.

    Raises:
        InvalidSetting: The file cannot be read, or a path is no folder.
    """
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InvalidSetting(f"{harmless(str(file))}: {why}") from None
    paths = [Path(line.strip()).absolute() for line in lines if line.strip()]
    for path in paths:
        if not path.is_dir():
            raise InvalidSetting(f"{harmless(str(path))}: no such directory")
    # Who can read them is not known; what is on a disk of ours is no public place.
    subjects = [Subject(name, private=True) for name in dict.fromkeys(map(str, paths))]
    return Listing("paths", str(file), "", subjects)


def begin(store: KeyStore, enqueue: Enqueue, listing: Listing, *, kills: bool) -> Scan:
    """Write a scan down and put its parts in line."""
    at = store.clock()
    with store.begin() as connection:
        scans.forget(connection, at)
        scan = scans.create(
            connection,
            listing.subjects,
            source=listing.source,
            title=listing.title,
            installation=listing.installation,
            kills=kills,
            at=at,
        )
    put_in_line(store, enqueue, scan.id)
    return scan


def put_in_line(store: KeyStore, enqueue: Enqueue, scan_id: str) -> None:
    """Enqueue every part that waits; those that are in line already stay where they are."""
    with store.read() as connection:
        waiting = [part for part in scans.parts(connection, scan_id) if part.state == "waiting"]
    rest = iter(waiting)
    while batch := list(islice(rest, _BATCH)):
        with store.begin() as connection:
            for part in batch:
                enqueue(connection, part_job(part))


def follow(
    store: KeyStore,
    scan_id: str,
    tell: Callable[[Progress], None],
    stopping: threading.Event | None = None,
) -> Progress:
    """Wait until no part waits any more; `tell` hears of every change."""
    stopping = stopping or threading.Event()
    told: Progress | None = None
    while True:
        with store.read() as connection:
            now = scans.progress(connection, scan_id)
        if now != told:
            tell(now)
            told = now
        if not now.waiting or stopping.wait(_LOOK):
            return now


def _installation(api: GitHubApi, jwt: Secret, account: str) -> str:
    try:
        found = api.call("GET", f"/orgs/{account}/installation", jwt)
    except ApiRefused as error:
        if error.status != _NOT_FOUND:
            raise
        found = api.call("GET", f"/users/{account}/installation", jwt)
    number = found.get("id") if isinstance(found, dict) else None
    if type(number) is not int:
        raise InvalidSetting(f"GitHub told nothing of an installation for {account}")
    return str(number)


def _listing(account: str, installation: str, found: Iterator[Mapping[str, Any]]) -> Listing:
    entries = list(found)
    subjects = [subject for entry in entries if (subject := _subject(entry)) is not None]
    unique: Sequence[Subject] = list({one.name.lower(): one for one in subjects}.values())
    left_out = len(entries) - len(subjects)
    return Listing("github", account, installation, list(unique), left_out)


def _subject(entry: Mapping[str, Any]) -> Subject | None:
    name = repository_name(entry.get("full_name"))
    if name is None or find_keys(str(name).encode()).keys:
        return None
    return Subject(str(name), private=entry.get("private") is not False)
