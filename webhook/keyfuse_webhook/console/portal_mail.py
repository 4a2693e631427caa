"""Telling an owner that a key of theirs was rotated in the portal: the job, and the letter."""

from keyfuse_store import KeyStore
from keyfuse_store.model import Key
from keyfuse_webhook.jobs_model import Job
from keyfuse_webhook.message import one_line
from keyfuse_webhook.owner_mail import Letter

ROTATED = "tell-of-rotation"
_NAME_MAX = 60


def rotated_job(predecessor: Key, successor: Key) -> Job:
    """The job that tells of one rotation."""
    ids = (predecessor.id, successor.id)
    return Job(f"{ROTATED}-{successor.id}", ROTATED, ids, line=successor.owner_id)


def letter(store: KeyStore, job: Job) -> Letter:
    """What is told: somebody may have had the link who should not."""
    predecessor, successor = (store.get(key_id) for key_id in job.arguments)
    name = one_line(successor.name, _NAME_MAX)
    until = predecessor.overlap_until
    ends = f", works until {until:%Y-%m-%d %H:%M:%S} UTC" if until else ""
    keys = (
        f"Name:    {one_line(successor.name)}\n"
        f"Old key: {predecessor.id} ({predecessor.prefix}){ends}\n"
        f"New key: {successor.id} ({successor.prefix})"
    )
    undo = "".join(
        f"\n  keyfuse keys revoke {key.id} --reason rotated-by-somebody-else"
        for key in (predecessor, successor)
    )
    return Letter(
        successor.owner,
        f"API key {name} ({successor.prefix}, {predecessor.id}) was rotated",
        (
            "An API key of yours was rotated in the portal.",
            keys,
            f"If that was not you, have both revoked by whoever runs keyfuse:{undo}",
        ),
    )
