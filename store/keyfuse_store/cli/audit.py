"""`keyfuse audit`: show, verify, export."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from keyfuse_store import audit_file, chain
from keyfuse_store.audit import AuditEntry
from keyfuse_store.chain import ChainReport, Head, parse_head
from keyfuse_store.cli.printing import print_fields, print_json, print_page
from keyfuse_store.cli.shell import StoreGroup, Where, load_settings, open_service, service_options
from keyfuse_store.errors import InvalidField, PepperError
from keyfuse_store.opening import configured_ring
from keyfuse_store.times import parse_moment, rfc3339

FINDINGS = 1
_HEADER = ("SEQ", "AT", "ACTOR", "ACTION", "SUBJECT", "DETAIL")


@click.group(cls=StoreGroup)
def audit() -> None:
    """Who changed what, in a record that cannot be altered unseen."""


@audit.command()
@click.option("--subject", metavar="ID", help="Only what was done to this key or owner.")
@click.option("--action", help="Only this, like key.revoked.")
@click.option("--actor", help="Only what this one did.")
@click.option("--since", metavar="DATE", help="Only from then on.")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Go on after this number.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@service_options
def show(
    *,
    subject: str | None,
    action: str | None,
    actor: str | None,
    since: str | None,
    after: int,
    limit: int,
    as_json: bool,
    where: Where,
) -> None:
    """Show entries, oldest first."""
    moment = None if since is None else parse_moment("since", since)
    with open_service(where) as store:
        found = store.entries(
            subject=subject,
            action=action,
            actor=actor,
            since=moment,
            after=after,
            limit=limit,
        )
    print_page("entries", found, _HEADER, _row, limit=limit, as_json=as_json, mark="seq")


@audit.command()
@click.option(
    "--head",
    "heads",
    multiple=True,
    metavar="NUMBER:MAC",
    help="A head noted elsewhere, in a log; repeat for more. Tells a record that was cut.",
)
@click.option("--file", metavar="FILE", help="An exported record; no database is opened.")
@service_options
def verify(
    *,
    heads: tuple[str, ...],
    file: str | None,
    as_json: bool,
    where: Where,
) -> None:
    """Recompute the chain: exit 0 if it holds, 1 if an entry was changed, removed or added."""
    noted = [parse_head(text) for text in heads]
    if file is None:
        with open_service(where) as store:
            report, head = store.verify_record(noted)
    else:
        report, head = _verify_file(file, noted, where.config)
    answer = {
        "ok": report.problem is None,
        "checked": report.checked,
        "problem": report.problem,
        "head": None if head is None else str(head),
    }
    (print_json if as_json else print_fields)(answer)
    if report.problem is not None:
        sys.exit(FINDINGS)


@audit.command()
@click.option("--output", metavar="FILE", help="A new file; standard output by default.")
@service_options
def export(*, output: str | None, as_json: bool, where: Where) -> None:
    """Write the whole record, one JSON object a line, to be verified without a database."""
    head = Head(0, chain.START)
    with open_service(where) as store, _new(output) as out:
        for line, head in store.export_record():  # noqa: B007 - the last one is meant
            out.write(line + "\n")
    answer = {"entries": head.seq, "head": str(head)}
    if as_json and output is not None:
        print_json(answer)
        return
    click.echo(f"{head.seq} entries; verify with --head {head}", err=True)


def _row(entry: AuditEntry) -> tuple[object, ...]:
    at = rfc3339(entry.at_us)
    return (entry.seq, at, entry.actor, entry.action, entry.subject, entry.detail)


def _verify_file(file: str, noted: list[Head], config: str | None) -> tuple[ChainReport, Head]:
    settings = load_settings(config, None)
    ring = configured_ring(settings)
    if ring is None:
        raise PepperError("peppers: the chain is checked with KEYFUSE_PEPPERS or _PEPPER_FILE")
    try:
        with Path(file).open(encoding="utf-8", errors="replace") as lines:
            return chain.check(audit_file.read(lines), ring, noted)
    except OSError as error:
        raise InvalidField("file", f"cannot be read: {error.strerror}") from None


@contextmanager
def _new(output: str | None) -> Iterator[TextIO]:
    if output is None:
        yield sys.stdout
        return
    try:
        with Path(output).open("x", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise InvalidField("output", f"cannot be written: {error.strerror}") from None
