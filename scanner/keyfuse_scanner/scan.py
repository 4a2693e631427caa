"""From hits to findings: what is certain enough, once for each secret and path. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from keyfuse_rules.fingerprint import fingerprint
from keyfuse_rules.judgement import judge
from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import Severity
from keyfuse_rules.redact import redact
from keyfuse_rules.secret import Secret
from keyfuse_scanner.examine import Examined
from keyfuse_scanner.model import Finding, Hit, Problem, Reason, ScanResult
from keyfuse_scanner.printable import path_text
from keyfuse_scanner.suppression import Suppression

Show = Callable[[bytes], str]


class _Judged(NamedTuple):
    """A hit, how bad it is, and why it does not count."""

    hit: Hit
    severity: Severity
    reason: Reason | None


def conclude(
    examined: Examined,
    matcher: Matcher,
    *,
    every: bool = False,
    show_secrets: bool = False,
    suppression: Suppression | None = None,
) -> ScanResult:
    """Return the result of a scan.

    Args:
        examined: Hits with their places, and what could not be scanned.
        matcher: The rules of the scan; they find secrets in paths and names, too.
        every: Report what does not count as well, each with its reason.
        show_secrets: Leave secrets in paths and names.
        suppression: What comments, policy and lists leave out; nothing is where None.
    """
    suppression = suppression or Suppression.of_nothing()
    show = path_text if show_secrets else redacting(matcher)
    judged = [_judged(hit, suppression) for hit in examined.hits]
    if not every:
        judged = [entry for entry in judged if not _is_judged_out(entry)]
    findings = sorted(_findings(judged, show, suppression), key=order)
    kinds = Counter(finding.reason.kind for finding in findings if finding.reason)
    shown = [finding for finding in findings if every or finding.reason is None]
    rules = {entry.hit.rule.rule_id: entry.hit.rule for entry in judged}
    return ScanResult(
        findings=shown,
        errors=[
            Problem(entry.reason, None if entry.path is None else show(entry.path), entry.object_id)
            for entry in examined.unscanned
            if entry.path is None or not suppression.leaves_out(entry.path)
        ],
        objects=examined.objects,
        size=examined.size,
        rules={finding.rule: rules[finding.rule] for finding in shown},
        ignored=kinds["ignored"],
        baselined=kinds["baselined"],
        known=frozenset(finding.fingerprint for finding in findings),
    )


def merge(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings of a repository, of which those of its shards are given."""
    groups: dict[tuple[str, str, str | None], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.rule, finding.fingerprint, finding.path), []).append(finding)
    merged = (
        min(group, key=_age)._replace(occurrences=sum(one.occurrences for one in group))
        for group in groups.values()
    )
    return sorted(merged, key=order)


def redacting(matcher: Matcher) -> Show:
    """Return a function that shows foreign bytes without the secrets in them."""

    def show(raw: bytes) -> str:
        shown = []
        position = 0
        for match in matcher.matches(raw).items:
            if match.start >= position:
                secret = match.secret or Secret(raw[match.start : match.end].decode("latin-1"))
                shown += [
                    path_text(raw[position : match.start]),
                    redact(match.rule, secret.reveal()),
                ]
            position = max(position, match.end)
        return "".join([*shown, path_text(raw[position:])])

    return show


def _judged(hit: Hit, suppression: Suppression) -> _Judged:
    verdict = judge(hit, hit.path)
    if not verdict.shown:
        return _Judged(hit, verdict.severity, Reason("judged", verdict.reason or ""))
    return _Judged(hit, verdict.severity, suppression.of_hit(hit))


def _is_judged_out(entry: _Judged) -> bool:
    return entry.reason is not None and entry.reason.kind == "judged"


def _findings(judged: Iterable[_Judged], show: Show, suppression: Suppression) -> Iterator[Finding]:
    groups: dict[tuple[str, Secret, bytes | None], list[_Judged]] = {}
    for entry in judged:
        hit = entry.hit
        groups.setdefault((hit.rule.rule_id, hit.secret, hit.path), []).append(entry)
    for group in groups.values():
        # One place that counts is enough.
        finding = _finding([entry for entry in group if entry.reason is None] or group, show)
        if finding.reason is None:
            path = group[0].hit.path
            reason = suppression.of_finding(finding.fingerprint, finding.rule, path)
            finding = finding._replace(reason=reason)
        yield finding


def _finding(group: list[_Judged], show: Show) -> Finding:
    first, severity, reason = min(group, key=lambda entry: _age(entry.hit))
    raw = first.secret.reveal().encode("latin-1")
    secret = Secret(raw.decode("utf-8", "replace"))
    commit = first.commit
    return Finding(
        rule=first.rule.rule_id,
        title=first.rule.title,
        severity=severity,
        checksum=first.checksum,
        path=None if first.path is None else show(first.path),
        line=first.line,
        column=first.column,
        commit=commit.commit_id if commit else None,
        author=show(commit.author) if commit and commit.author else None,
        date=_date(commit.when) if commit and commit.when is not None else None,
        object=first.object_id,
        place=first.place,
        decoded=first.decoded,
        redacted=redact(first.rule, secret.reveal()),
        fingerprint=fingerprint(first.rule.family, raw, guessable=first.rule.guessable),
        key_id=first.key_id,
        occurrences=len({entry.hit.object_id or entry.hit.path for entry in group}),
        secret=secret,
        reason=reason,
        rank=first.rank,
    )


def _age(hit: Hit | Finding) -> tuple[int, bool, int, int]:
    """Order hits of one secret: earlier commits first, contents before names, then by position."""
    return hit.rank, hit.place == "file-name", hit.line or 0, hit.column or 0


def _date(when: int) -> str | None:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(when, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return None


def order(finding: Finding) -> tuple[object, ...]:
    """In which order findings are reported: by path, then by where they stand in it."""
    return (
        finding.path is None,
        finding.path or "",
        finding.line or 0,
        finding.column or 0,
        finding.rule,
        finding.fingerprint,
        finding.place,
    )
