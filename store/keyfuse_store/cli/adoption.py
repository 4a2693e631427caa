"""`keyfuse keys import`: take over keys from a file."""

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from operator import itemgetter
from pathlib import Path
from typing import NoReturn, TextIO

import click

from keyfuse_store.cli.keys import keys
from keyfuse_store.cli.printing import print_json
from keyfuse_store.cli.shell import USAGE, Where, open_service, service_options
from keyfuse_store.errors import InvalidField
from keyfuse_store.import_file import parse_line
from keyfuse_store.importing import OldKey
from keyfuse_store.management import Management

_SHOWN = 20


@keys.command(name="import")
@click.argument("file", metavar="FILE|-")
@click.option("--prefix", help="The key type of lines that name none.")
@click.option("--owner", help="The owner of lines that name none.")
@service_options
def import_keys(
    *,
    file: str,
    prefix: str | None,
    owner: str | None,
    as_json: bool,
    where: Where,
) -> None:
    """Take over keys issued before keyfuse: a JSON object with a "hash" on each line.

    Further fields: owner, prefix, name, scopes, meta, created, expires, rate_limit, quota,
    addresses. Every line is checked before the first is written; known hashes are left alone.
    """
    with open_service(where) as store:
        with _open(file) as lines:
            old = _checked(store, lines, prefix, owner)
        adopted = store.import_keys(old)
    if as_json:
        print_json({"added": adopted.added, "known": adopted.known})
        return
    click.echo(f"{len(adopted.added)} imported, {adopted.known} known already")


def _open(file: str) -> AbstractContextManager[TextIO]:
    if file == "-":
        return nullcontext(sys.stdin)
    try:
        return Path(file).open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InvalidField("file", f"cannot be read: {error.strerror}") from None


def _checked(
    store: Management, lines: Iterable[str], prefix: str | None, owner: str | None
) -> list[OldKey]:
    """Every line, or the end of the command where one is wrong."""
    old: list[OldKey] = []
    places: list[int] = []
    bad: list[tuple[int, InvalidField]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            old.append(parse_line(line, prefix=prefix, owner=owner))
            places.append(number)
        except InvalidField as error:
            bad.append((number, error))
    bad += [(places[place], error) for place, error in store.check_keys(old)]
    if bad:
        _refuse([f"line {number}: {error}" for number, error in sorted(bad, key=itemgetter(0))])
    return old


def _refuse(bad: list[str]) -> NoReturn:
    for problem in bad[:_SHOWN]:
        click.echo(f"keyfuse: {problem}", err=True)
    if len(bad) > _SHOWN:
        click.echo(f"keyfuse: and {len(bad) - _SHOWN} more lines", err=True)
    click.echo("keyfuse: nothing was imported", err=True)
    sys.exit(USAGE)
