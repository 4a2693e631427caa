"""`keyfuse jobs`: list, show, retry. What waits, what runs, and the dead letters."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import click

from keyfuse_scanner.exits import Exit
from keyfuse_store.cli.printing import print_fields, print_json, print_page
from keyfuse_store.cli.shell import (
    StoreGroup,
    Where,
    actor,
    open_client,
    open_store,
    service_options,
)
from keyfuse_webhook.errors import WebhookError
from keyfuse_webhook.jobs_model import DEAD_STATES, State
from keyfuse_webhook.message import one_line

if TYPE_CHECKING:
    from keyfuse_store.wire import JobWire
    from keyfuse_webhook.job_control import Jobs

_PAGE = 1000
_HEADER = ("ID", "KIND", "STATE", "CREATED", "REASON")
_STATES = click.Choice(["waiting", "running", "done", "undeliverable", "failed"])


class JobGroup(StoreGroup):
    """A group whose commands answer an error with one line and exit 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except WebhookError as error:
            click.echo(f"keyfuse: {error}", err=True)
            sys.exit(Exit.USAGE)


@click.group(cls=JobGroup)
def jobs() -> None:
    """Look at what is done after a commit: mails, scans of pushes, and the rest."""


@jobs.command(name="list")
@click.option("--state", "states", type=_STATES, multiple=True, help="Only jobs that stand so.")
@click.option("--dead", is_flag=True, help="Only those that ended badly: undeliverable, failed.")
@click.option("--kind", help="Only jobs of this kind.")
@click.option("--after", metavar="JOB", help="Go on after this job.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@service_options
def list_jobs(
    *,
    states: tuple[State, ...],
    dead: bool,
    kind: str | None,
    after: str | None,
    limit: int,
    as_json: bool,
    where: Where,
) -> None:
    """List jobs, the youngest first."""
    wanted = sorted({*states, *(DEAD_STATES if dead else ())})
    with _open_jobs(where) as control:
        found = control.jobs(states=wanted, kind=kind, after=after, limit=limit)
    print_page("jobs", found, _HEADER, _row, limit=limit, as_json=as_json)


@jobs.command()
@click.argument("job", metavar="JOB")
@service_options
def show(*, job: str, as_json: bool, where: Where) -> None:
    """Show one job: how it stands, and why."""
    with _open_jobs(where) as control:
        _print(control.job(job).as_json(), as_json=as_json)


@jobs.command()
@click.argument("ids", metavar="JOB…", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that ended badly.")
@click.option("--kind", help="With --all: only jobs of this kind.")
@service_options
def retry(
    *, ids: tuple[str, ...], every: bool, kind: str | None, as_json: bool, where: Where
) -> None:
    """Run jobs again that ended badly, when what stood in their way is repaired."""
    if bool(ids) == every or (kind and not every):
        raise click.UsageError("name jobs, or say --all")
    with _open_jobs(where) as control:
        # The oldest first, so that an owner hears of things in their order.
        chosen = ids or [job.id for job in reversed(_dead(control, kind))]
        again = [control.retry(one) for one in chosen]
    if as_json:
        print_json({"jobs": [job.as_json() for job in again]})
        return
    for job in again:
        click.echo(f"{one_line(job.id)} {job.state}")
    if not again:
        click.echo("no job ended badly")


def _row(job: "JobWire") -> tuple[object, ...]:
    created, reason = job.as_json()["created"], one_line(job.reason or "")
    return (one_line(job.id), one_line(job.kind), job.state, created, reason)


@contextmanager
def _open_jobs(where: Where) -> "Iterator[Jobs]":
    """The jobs in the database of the settings, or those of the server that was named."""
    if where.server is not None:
        with closing(open_client(where)) as client:
            yield client
        return
    from keyfuse_webhook.job_control import LocalJobs
    from keyfuse_webhook.working import open_queue

    with open_store(where.config, where.database_url) as store, open_queue(store) as queue:
        yield LocalJobs(store, queue, actor())


def _dead(control: "Jobs", kind: str | None) -> "list[JobWire]":
    found: list[JobWire] = []
    while True:
        after = found[-1].id if found else None
        page = control.jobs(states=DEAD_STATES, kind=kind, after=after, limit=_PAGE)
        found += page
        if len(page) < _PAGE:
            return found


def _print(fields: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print_json(fields)
        return
    shown = {name: one_line(f) if isinstance(f, str) else f for name, f in fields.items()}
    print_fields(shown)
