"""`keyfuse jobs`: list, show, retry. What waits, what runs, and the dead letters."""

import sys
from typing import Any

import click

from keyfuse_scanner.exits import Exit
from keyfuse_store.cli.shell import (
    StoreGroup,
    actor,
    open_store,
    print_fields,
    print_json,
    print_table,
    store_options,
)
from keyfuse_store.times import rfc3339
from keyfuse_webhook.errors import WebhookError
from keyfuse_webhook.jobs_model import DEAD_STATES, State
from keyfuse_webhook.message import one_line

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
@click.option("--offset", type=click.IntRange(0), default=0, help="Pass over so many.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@store_options
def list_jobs(
    *,
    states: tuple[State, ...],
    dead: bool,
    kind: str | None,
    offset: int,
    limit: int,
    as_json: bool,
    config: str | None,
    database_url: str | None,
) -> None:
    """List jobs, the youngest first."""
    from keyfuse_webhook import job_control
    from keyfuse_webhook.working import open_queue

    wanted = {*states, *(DEAD_STATES if dead else ())}
    with open_store(config, database_url) as store, open_queue(store) as queue:
        found = job_control.page(queue, states=wanted, kind=kind, offset=offset, limit=limit)
    following = offset + limit if len(found) == limit else None
    if as_json:
        print_json({"jobs": [job_control.as_json(job) for job in found], "next": following})
        return
    rows = [
        (
            one_line(job.id),
            job.kind,
            job.state,
            rfc3339(job.created_ms * 1000),
            one_line(job.reason),
        )
        for job in found
    ]
    print_table(("ID", "KIND", "STATE", "CREATED", "REASON"), rows)
    if following is not None:
        click.echo(f"there may be more: --offset {following}", err=True)


@jobs.command()
@click.argument("job", metavar="JOB")
@store_options
def show(*, job: str, as_json: bool, config: str | None, database_url: str | None) -> None:
    """Show one job: how it stands, and why."""
    from keyfuse_webhook import job_control
    from keyfuse_webhook.working import open_queue

    with open_store(config, database_url) as store, open_queue(store) as queue:
        _print(job_control.as_json(job_control.show(queue, job)), as_json=as_json)


@jobs.command()
@click.argument("ids", metavar="JOB…", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that ended badly.")
@click.option("--kind", help="With --all: only jobs of this kind.")
@store_options
def retry(
    *,
    ids: tuple[str, ...],
    every: bool,
    kind: str | None,
    as_json: bool,
    config: str | None,
    database_url: str | None,
) -> None:
    """Run jobs again that ended badly, when what stood in their way is repaired."""
    from keyfuse_webhook import job_control
    from keyfuse_webhook.working import open_queue

    if bool(ids) == every or (kind and not every):
        raise click.UsageError("name jobs, or say --all")
    with open_store(config, database_url) as store, open_queue(store) as queue:
        dead = queue.list(sys.maxsize, states=DEAD_STATES, kind=kind) if every else ()
        # The oldest first, so that an owner hears of things in their order.
        chosen = ids or tuple(job.id for job in reversed(dead))
        again = [job_control.retry(store, queue, one, actor=actor()) for one in chosen]
    if as_json:
        print_json({"jobs": [job_control.as_json(job) for job in again]})
        return
    for job in again:
        click.echo(f"{one_line(job.id)} {job.state}")
    if not again:
        click.echo("no job ended badly")


def _print(fields: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print_json(fields)
        return
    shown = {name: one_line(f) if isinstance(f, str) else f for name, f in fields.items()}
    print_fields(shown)
