"""The values that flow through a scan; read this first.

    Document ──> Hit ──> Finding

A source yields documents (and what it could not read), matching turns them into hits, attribution
says where in history a hit stands, and findings are what a report shows.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from keyfuse_rules.model import Checksum, Rule, Severity
from keyfuse_rules.secret import Secret

if TYPE_CHECKING:
    from keyfuse_scanner.allow import Comment

Place = Literal[
    "file",
    "staged",
    "commit-message",
    "tag-message",
    "author",
    "ref-name",
    "file-name",
    "note",
    "stash",
    "index",
    "unreachable",
    "stdin",
]

PLACES_WITHOUT_LINES = frozenset(("author", "ref-name", "file-name"))


class Commit(NamedTuple):
    """Where in history something stands.

    Attributes:
        commit_id: Full object id; None for an annotated tag.
        author: `Name <mail>` as the object says, raw bytes.
        when: Author date, seconds since 1970, claimed by the author; None if malformed.
    """

    commit_id: str | None
    author: bytes
    when: int | None


class Document(NamedTuple):
    """Something to look into, in pieces of any size.

    Attributes:
        place: What it is.
        path: Raw bytes of the path, `/` between components; None where there is none.
        object_id: The git object it comes from.
        pieces: Its bytes, to be taken before the next document is asked for; where reading breaks
            off, the reason is the last piece.
        commit: Known where the object itself tells it (commits and tags).
    """

    place: Place
    path: bytes | None
    object_id: str | None
    pieces: "Iterable[bytes | Unscanned]"
    commit: Commit | None = None


class Unscanned(NamedTuple):
    """Something that could not be looked into; one is enough to make a scan incomplete."""

    reason: str
    path: bytes | None = None
    object_id: str | None = None


class Hit(NamedTuple):
    """One match in one document.

    Attributes:
        secret: The matched bytes, one character per byte (Latin-1), so that none is lost.
        reason: Why its rule takes it for none; None where it does not.
        comments: Those beside it that may allow it.
        decoded: The encodings and archives that hid it, outermost first.
        rank: The smaller, the earlier in history; decides which place a finding shows.
    """

    rule: Rule
    secret: Secret
    checksum: Checksum
    key_id: str | None
    place: Place
    path: bytes | None
    object_id: str | None
    line: int | None
    column: int | None
    commit: Commit | None = None
    rank: int = 0
    reason: str | None = None
    comments: "tuple[Comment, ...]" = ()
    decoded: tuple[str, ...] = ()


class Reason(NamedTuple):
    """Why a finding does not count.

    Attributes:
        kind: Who says so: a rule or checksum, the policy or a comment, or the baseline.
        text: The same for people.
    """

    kind: Literal["judged", "ignored", "baselined"]
    text: str


class Finding(NamedTuple):
    """One secret at one path: the fields of a report, None where not applicable.

    Attributes:
        secret: The plaintext, for `--show-secrets` only; no report shows it otherwise.
        reason: Why it does not count; set only in a scan with `--all`.
        rank: The smaller, the earlier in history; in no report, for putting shards together.
    """

    rule: str
    title: str
    severity: Severity
    checksum: Checksum
    path: str | None
    line: int | None
    column: int | None
    commit: str | None
    author: str | None
    date: str | None
    object: str | None
    place: Place
    decoded: tuple[str, ...]
    redacted: str
    fingerprint: str
    key_id: str | None
    occurrences: int
    secret: Secret
    reason: Reason | None = None
    rank: int = 0


class Problem(NamedTuple):
    """What could not be scanned, in words that may be shown."""

    message: str
    path: str | None
    object: str | None


class ScanResult(NamedTuple):
    """All that a report needs.

    Attributes:
        objects: How many documents were looked into.
        size: How many bytes they had.
        rules: The rules of the findings, by id.
        ignored: How many findings policy, the ignore file or a comment leave out.
        baselined: How many the baseline leaves out.
        known: Fingerprints of all that was found, whether it counts or was left out.
        stale: Fingerprints in lists that match nothing any more.
        unreported: Keys that the issuing service could not be told of; the scan itself is complete.
    """

    findings: list[Finding]
    errors: list[Problem]
    objects: int
    size: int
    unreported: Sequence[Problem] = ()
    rules: Mapping[str, Rule] = MappingProxyType({})
    ignored: int = 0
    baselined: int = 0
    known: frozenset[str] = frozenset()
    stale: Sequence[str] = ()

    @property
    def complete(self) -> bool:
        """True when everything that was asked for was looked into."""
        return not self.errors
