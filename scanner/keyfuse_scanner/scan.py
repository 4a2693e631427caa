"""From hits to findings: what is certain enough, once for each secret and path. Pure."""

from collections.abc import Callable, Iterable

from keyfuse_rules.fingerprint import fingerprint
from keyfuse_rules.judgement import Judgement, judge
from keyfuse_rules.matching import Matcher
from keyfuse_rules.redact import redact
from keyfuse_rules.secret import Secret
from keyfuse_scanner.examine import Examined
from keyfuse_scanner.model import Finding, Hit, Problem, ScanResult
from keyfuse_scanner.printable import path_text

Show = Callable[[bytes], str]
JudgedHit = tuple[Hit, Judgement]


def conclude(
    examined: Examined, matcher: Matcher, *, every: bool = False, show_secrets: bool = False
) -> ScanResult:
    """Return the result of a scan.

    Args:
        examined: Hits with their places, and what could not be scanned.
        matcher: The rules of the scan; they find secrets in paths and names, too.
        every: Report what is judged to be no secret as well.
        show_secrets: Leave secrets in paths and names.
    """
    show = path_text if show_secrets else _redacting(matcher)
    judged = [(hit, judge(hit, hit.path)) for hit in examined.hits]
    return ScanResult(
        findings=_findings([pair for pair in judged if every or pair[1].shown], show),
        errors=[
            Problem(entry.reason, None if entry.path is None else show(entry.path), entry.object_id)
            for entry in examined.unscanned
        ],
        objects=examined.objects,
        size=examined.size,
    )


def _redacting(matcher: Matcher) -> Show:
    """Return a function that shows foreign bytes without the secrets in them."""

    def show(raw: bytes) -> str:
        shown = []
        position = 0
        for match in matcher.matches(raw).items:
            if match.start >= position:
                secret = raw[match.start : match.end].decode("utf-8", "replace")
                shown += [path_text(raw[position : match.start]), redact(match.rule, secret)]
            position = max(position, match.end)
        return "".join([*shown, path_text(raw[position:])])

    return show


def _findings(hits: Iterable[JudgedHit], show: Show) -> list[Finding]:
    groups: dict[tuple[str, Secret, bytes | None], list[JudgedHit]] = {}
    for hit, judgement in hits:
        key = (hit.rule.rule_id, hit.secret, hit.path)
        groups.setdefault(key, []).append((hit, judgement))
    findings = [_finding(group, show) for group in groups.values()]
    return sorted(findings, key=_order)


def _finding(group: list[JudgedHit], show: Show) -> Finding:
    shown = [pair for pair in group if pair[1].shown]
    first, judgement = min(shown or group, key=lambda pair: _age(pair[0]))
    raw = first.secret.reveal().encode("latin-1")
    secret = Secret(raw.decode("utf-8", "replace"))
    commit = first.commit
    return Finding(
        rule=first.rule.rule_id,
        title=first.rule.title,
        severity=judgement.severity,
        checksum=first.checksum,
        path=None if first.path is None else show(first.path),
        line=first.line,
        column=first.column,
        commit=commit.commit_id if commit else None,
        author=show(commit.author) if commit and commit.author else None,
        date=_date(commit.when) if commit and commit.when is not None else None,
        object=first.object_id,
        place=first.place,
        decoded=(),
        redacted=redact(first.rule, secret.reveal()),
        fingerprint=fingerprint(first.rule.family, raw, guessable=first.rule.guessable),
        key_id=first.key_id,
        occurrences=len({hit.object_id or hit.path for hit, _ in shown or group}),
        secret=secret,
        reason=None if judgement.shown else judgement.reason,
    )


def _age(hit: Hit) -> tuple[int, bool, int, int]:
    """Order hits of one secret: earlier commits first, contents before names, then by position."""
    return hit.rank, hit.place == "file-name", hit.line or 0, hit.column or 0


def _date(when: int) -> str | None:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(when, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return None


def _order(finding: Finding) -> tuple[object, ...]:
    return (
        finding.path is None,
        finding.path or "",
        finding.line or 0,
        finding.column or 0,
        finding.rule,
        finding.fingerprint,
        finding.place,
    )
