"""What happened to a leaked key, in order: from the commit to the mail. Values in, values out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

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
    job: JobStatus | None,
) -> list[Moment]:
    """All moments of an incident, oldest first, and last what has yet to happen.

    Args:
        incident: The leak, its key, and all that is known of it.
        life: What the audit record says about the key.
        notices: What it says about telling the owner of this key.
        job: The job that tells the owner, if it is known.
    """
    told = map(_step, incident.steps) if incident.steps else map(_notice, notices)
    moments = [*_leaked(incident), *_reports(incident.evidence), *_fates(life), *told]
    moments.sort(key=lambda moment: moment.at_us or 0)
    if incident.leak.state == "open":
        moments.append(_pending(job))
    return moments


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


_STEPS = {"mail": "The owner was told by mail"}


def _step(step: Step) -> Moment:
    done = step.state == "done"
    title = _STEPS.get(step.name, f"Done: {step.name}") if done else f"{step.name}: {step.state}"
    return Moment(step.done_us, title, "good" if done else "bad", step.detail)


def _notice(entry: AuditEntry) -> Moment:
    reason = str(entry.detail.get("reason") or "")
    if entry.action == "owner.notified":
        return Moment(entry.at_us, _STEPS["mail"], "good", reason)
    return Moment(entry.at_us, "The owner could not be told", "bad", reason)


def _pending(job: JobStatus | None) -> Moment:
    """What telling the owner waits for."""
    if job is None or job.state in {"waiting", "running"}:
        why = job.reason if job is not None else ""
        return Moment(None, "The mail to the owner is on its way", "quiet", why)
    return Moment(None, f"The mail to the owner: {job.state}", "bad", job.reason)
