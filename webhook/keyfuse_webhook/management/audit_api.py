"""The audit record: show, export and verify it, a bounded part at a time.

A record of a million entries takes many seconds to verify. Whoever verifies asks for one part
after the other, and hands in where the last one ended: the server keeps nothing in between.
"""

from typing import Annotated

from msgspec import Meta, Struct, field

from keyfuse_store import audit as record
from keyfuse_store import audit_file, wire
from keyfuse_store.chain import START, Head, parse_head
from keyfuse_webhook.management import examples
from keyfuse_webhook.management.model import Answered, Call, Desk, Operation, Said
from keyfuse_webhook.management.shapes import AfterNumber, Limit, Moment, Order, page

_READ = "keyfuse:audit.read"
_PART = 5000

HeadText = Annotated[
    str,
    Meta(pattern=r"^[0-9]{1,18}:[0-9a-f]{64}$", description="`NUMBER:MAC`, as `head` has it."),
]
Part = Annotated[int, Meta(ge=1, le=_PART, description="How many entries at most.")]
Filter = Annotated[str, Meta(min_length=1, max_length=120)]


class EntryFilter(Struct, frozen=True, forbid_unknown_fields=True):
    """Which entries to list."""

    subject: Annotated[Filter, Meta(description="The id of a key or an owner.")] | None = None
    action: Annotated[Filter, Meta(description="Like `key.revoked`.")] | None = None
    actor: Annotated[Filter, Meta(description="Like `key:3uGk0aXb2Q`.")] | None = None
    since: Moment | None = None
    after: AfterNumber | None = None
    sort: Order = "oldest"
    limit: Limit = 100


class ExportFilter(Struct, frozen=True, forbid_unknown_fields=True):
    """Which part to export."""

    after: Annotated[AfterNumber, Meta(description="The `seq` of the last line before.")] = 0
    limit: Part = _PART


class ChainPart(Struct, frozen=True, forbid_unknown_fields=True):
    """Which part to verify."""

    start: Annotated[HeadText, Meta(description="The `next` of the part before.")] | None = field(
        default=None, name="from"
    )
    heads: Annotated[
        list[HeadText],
        Meta(max_length=100, description="Heads noted elsewhere, the same for every part."),
    ] = []
    limit: Part = _PART


def list_entries(desk: Desk, call: Call[EntryFilter]) -> Said:
    """A page of the record."""
    asked = call.asked
    found = desk.store.entries(
        subject=asked.subject,
        action=asked.action,
        actor=asked.actor,
        since=asked.since,
        after=asked.after,
        newest_first=asked.sort == "newest",
        limit=asked.limit,
    )
    return Said(page("entries", found, asked.limit, lambda entry: entry.seq))


def export_entries(desk: Desk, call: Call[ExportFilter]) -> Said:
    """Lines to be verified without a database."""
    with desk.store.read() as connection:
        rows = record.page(connection, after=call.asked.after, limit=call.asked.limit)
    return Said("".join(f"{audit_file.line(row)}\n" for row in rows).encode())


def verify_entries(desk: Desk, call: Call[ChainPart]) -> Said:
    """How far the chain holds."""
    body = call.asked
    start = Head(0, START) if body.start is None else parse_head(body.start)
    noted = [parse_head(text) for text in body.heads]
    with desk.store.read() as connection:
        report, head, more = record.verify_part(
            connection, desk.store.peppers, start, noted, limit=body.limit
        )
        end = record.head(connection)
    return Said(
        {
            "ok": report.problem is None,
            "checked": report.checked,
            "problem": report.problem,
            "head": str(head),
            "end": None if end is None else str(end),
            "next": str(head) if more else None,
        }
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/audit",
        name="listEntries",
        summary="Show entries of the audit record: who changed what.",
        scope=_READ,
        run=list_entries,
        asks=EntryFilter,
        answers={200: Answered(wire.EntryPage, {"entries": [examples.ENTRY], "next": None})},
    ),
    Operation(
        method="GET",
        path="/v1/audit/export",
        name="exportEntries",
        summary="Export a part of the record, one JSON object a line; an empty part ends it.",
        scope=_READ,
        run=export_entries,
        asks=ExportFilter,
        answers={200: Answered(None)},
    ),
    Operation(
        method="POST",
        path="/v1/audit/verify",
        name="verifyEntries",
        summary="Recompute a part of the chain; go on from `next` until that is null.",
        scope=_READ,
        run=verify_entries,
        asks=ChainPart,
        body_required=False,
        example={"heads": [examples.HEAD]},
        answers={200: Answered(wire.ChainWire, examples.CHAIN)},
    ),
)
