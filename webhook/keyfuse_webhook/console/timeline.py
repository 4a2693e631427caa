"""What happened to a leaked key, in order: from the commit to the mail. Values in, values out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from keyfuse_store.audit import AuditEntry
from keyfuse_store.evidence import KeptEvidence
from keyfuse_store.incidents import Incident
from keyfuse_store.leak_steps import Step
from keyfuse_webhook.jobs_model import JobStatus

Tone = Literal["bad", "good", "warn", "quiet"]


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened.

    Attributes:
        at_us: When; None while it has not.
        title: What, in our words.
        tone: How it looks.
        detail: What, in other people's words.
        link: Where, if a signed origin says so over https.
        claimed: The time is somebody's word.
    """

    at_us: int | None
    title: str
    tone: Tone
    detail: str = ""
    link: str = ""
    claimed: bool = False


def timeline(
    incident: Incident,
    life: Iterable[AuditEntry],
    notices: Iterable[AuditEntry],
    telling: Mapping[str, JobStatus],
) -> list[Moment]:
    """All moments of an incident, oldest first, and last what has yet to happen.

    Args:
        incident: The leak, its key, and all that is known of it.
        life: What the audit record says about the key.
        notices: What it says about telling the owner of this key.
        telling: The jobs that have yet to tell somebody, by whom they tell.
    """
    told = map(_step, incident.steps) if incident.steps else map(_notice, notices)
    moments = [*_leaked(incident), *_reports(incident.evidence), *_fates(life), *told]
    moments.sort(key=lambda moment: moment.at_us or 0)
    # A job ends a moment after it has written down what it did.
    noted = {step.name for step in incident.steps}
    left = ((target, job) for target, job in telling.items() if target not in noted)
    return moments + [_pending(target, job) for target, job in left]


def _leaked(incident: Incident) -> Iterable[Moment]:
    if incident.claimed_us is not None:
        first = min(incident.evidence, key=lambda kept: kept.evidence.claimed_us or kept.seen_us)
        what = "Committed" if first.evidence.source in {None, "commit"} else "Made public"
        yield Moment(incident.claimed_us, what, "bad", claimed=True)


def _reports(evidence: Iterable[KeptEvidence]) -> Iterable[Moment]:
    for number, kept in enumerate(evidence):
        one = kept.evidence
        known = one.trust != "possession"
        by = f"Reported by {one.origin}" if known else "Reported by somebody who holds the key"
        title = by if number else f"{by}: the incident begins"
        where = _where(kept)
        signed = one.trust == "signed" and (one.url or "").startswith("https://")
        yield Moment(
            kept.seen_us,
            title,
            "bad",
            where if known or not where else f"unverified: {where}",
            one.url or "" if signed else "",
        )


def _where(kept: KeptEvidence) -> str:
    one = kept.evidence
    line = f"{one.path}, line {one.line}" if one.path and one.line else one.path
    return " · ".join(part for part in (one.source, one.url, one.commit, line) if part)


_FATES: dict[str, tuple[str, Tone]] = {
    "key.issued": ("Issued", "quiet"),
    "key.rotated": ("Rotated", "good"),
    "key.revoked": ("Revoked: refused from here on, everywhere", "good"),
    "key.quarantined": ("Cut down to its quarantine scopes", "warn"),
    "key.suspended": ("Suspended", "warn"),
    "key.resumed": ("Resumed", "warn"),
}


def _fates(life: Iterable[AuditEntry]) -> Iterable[Moment]:
    for entry in life:
        if entry.action in _FATES:
            title, tone = _FATES[entry.action]
            reason = entry.detail.get("reason")
            detail = f"{reason} · by {entry.actor}" if reason else f"by {entry.actor}"
            yield Moment(entry.at_us, title, tone, detail)


_TOLD = {
    "mail": "The owner was told by mail",
    "slack": "Slack was told",
    "webhook": "The webhook was told",
    "github-issue": "A GitHub issue was opened",
}
_UNTOLD = {"mail": "The owner could not be told by mail", "notify": "Nobody could be told"}
_TO_BE_TOLD = {
    "mail": "The mail to the owner is on its way",
    "notify": "Telling the owner is on its way",
}


def _step(step: Step) -> Moment:
    if step.state == "done":
        title, tone = _TOLD.get(step.name, f"Done: {step.name}"), "good"
    else:
        title, tone = _UNTOLD.get(step.name, f"{step.name}: {step.state}"), "bad"
    return Moment(step.done_us, title, cast(Tone, tone), step.detail)


def _notice(entry: AuditEntry) -> Moment:
    reason = str(entry.detail.get("reason") or "")
    if entry.action == "owner.notified":
        return Moment(entry.at_us, _TOLD["mail"], "good", reason)
    return Moment(entry.at_us, "The owner could not be told", "bad", reason)


def _pending(target: str, job: JobStatus) -> Moment:
    """What telling somebody waits for."""
    title = _TO_BE_TOLD.get(target, f"Telling {target} is on its way")
    return Moment(None, title, "quiet", job.reason)
