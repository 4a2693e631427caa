"""Ended jobs are kept for a while, dead letters for longer, and then forgotten."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from dbos import DBOSClient

DONE = ("SUCCESS",)
DEAD = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
# Somebody may still want to know, and to try again.
KEEP_DEAD = timedelta(days=365)
_BATCH = 500


def forget_ended(client: DBOSClient, now: datetime, keep: timedelta) -> int:
    """Delete the jobs that were done more than `keep` ago, and dead letters older than a year.

    Returns:
        How many.
    """
    dead_before = now - max(keep, KEEP_DEAD)
    return _forget(client, DONE, now - keep) + _forget(client, DEAD, dead_before)


def _forget(client: DBOSClient, statuses: Sequence[str], before: datetime) -> int:
    forgotten = 0
    while True:
        found = client.list_workflows(
            status=list(statuses),
            completed_before=before.isoformat(),
            limit=_BATCH,
            load_input=False,
            load_output=False,
        )
        if not found:
            return forgotten
        client.delete_workflows([workflow.workflow_id for workflow in found])
        forgotten += len(found)
