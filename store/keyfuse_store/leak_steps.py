"""The steps of the response to a leak: what was done, or could not be, and when."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, insert, select, update

from keyfuse_rules.redact import scrub
from keyfuse_store.leak_schema import leak_steps as table
from keyfuse_store.times import rfc3339

StepState = Literal["done", "undeliverable", "failed"]

DETAIL_MAX = 500


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done about a leak.

    Attributes:
        name: Such as `mail` or `slack`.
        detail: In words; empty where there is nothing to add.
    """

    name: str
    state: StepState
    detail: str
    done_us: int

    def as_json(self) -> dict[str, object]:
        """The step as programs see it."""
        return {
            "step": self.name,
            "state": self.state,
            "detail": self.detail or None,
            "at": rfc3339(self.done_us),
        }


def note(connection: Connection, leak_id: str, step: Step) -> bool:
    """Write down a step inside the caller's write transaction.

    A step that is done stays so; one that could not be done may be done later.

    Returns:
        False where nothing is new.
    """
    this = (table.c.leak_id == leak_id, table.c.step == step.name)
    known = connection.scalar(select(table.c.state).where(*this))
    if known in {"done", step.state}:
        return False
    values = {
        "state": step.state,
        "detail": scrub(step.detail)[:DETAIL_MAX],
        "done_at": step.done_us,
    }
    if known is None:
        values |= {"leak_id": leak_id, "step": step.name}
        connection.execute(insert(table).values(values))
    else:
        connection.execute(update(table).where(*this).values(values))
    return True


def of_leak(connection: Connection, leak_id: str) -> list[Step]:
    """The steps of an incident, oldest first."""
    rows = select(table).where(table.c.leak_id == leak_id).order_by(table.c.done_at, table.c.step)
    return [Step(row.step, row.state, row.detail, row.done_at) for row in connection.execute(rows)]
