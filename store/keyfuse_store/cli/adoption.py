"""`keyfuse keys import`: take over keys from a file."""

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NoReturn, TextIO

import click

from keyfuse_store.cli.keys import keys
from keyfuse_store.cli.shell import USAGE, actor, open_store, print_json, store_options
from keyfuse_store.errors import InvalidField
from keyfuse_store.import_file import parse_line
from keyfuse_store.importing import CheckedKey, check
from keyfuse_store.keystore import KeyStore

_SHOWN = 20


@keys.command(name="import")
@click.argument("file", metavar="FILE|-")
@click.option("--prefix", help="The key type of lines that name none.")
@click.option("--owner", help="The owner of lines that name none.")
@store_options
def import_keys(
    *,
    file: str,
    prefix: str | None,
    owner: str | None,
    as_json: bool,
    config: str | None,
    database_url: str | None,
) -> None:
    """Take over keys issued before keyfuse: a JSON object with a "hash" on each line.

    Further fields: owner, prefix, name, scopes, meta, created, expires, rate_limit, quota,
    addresses. Every line is checked before the first is written; known hashes are left alone.
    """
    with open_store(config, database_url) as store:
        with _open(file) as lines:
            checked = _checked(store, lines, prefix, owner)
        adopted = store.adopt(checked, actor=actor())
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
    store: KeyStore, lines: Iterable[str], prefix: str | None, owner: str | None
) -> list[CheckedKey]:
    """Every line, or the end of the command where one is wrong."""
    good: list[CheckedKey] = []
    bad: list[str] = []
    now = store.clock()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            old = parse_line(line, prefix=prefix, owner=owner)
            good.append(check(old, store.settings.key_types, store.peppers, store.catalogue, now))
        except InvalidField as error:
            bad.append(f"line {number}: {error}")
    if bad:
        _refuse(bad)
    return good


def _refuse(bad: list[str]) -> NoReturn:
    for problem in bad[:_SHOWN]:
        click.echo(f"keyfuse: {problem}", err=True)
    if len(bad) > _SHOWN:
        click.echo(f"keyfuse: and {len(bad) - _SHOWN} more lines", err=True)
    click.echo("keyfuse: nothing was imported", err=True)
    sys.exit(USAGE)
