"""How long does a page of the management API take, with many keys and a long audit record?

    python benchmarks/management.py [--keys 100000] [--entries 1000000] [--home DIR] [--rounds 20]

Every list is asked for in each of its ways through the application itself (guard, query, JSON),
without a network in between, on SQLite: the first page, a page from the middle, and filters that
match much, little and nothing. Printed are the median and the worst of the rounds in milliseconds,
and the median of the CPU time, which a busy machine does not stretch. With `--home` the data is
kept there and used again.
"""

import argparse
import asyncio
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path

import httpx
from keys_in_bulk import PEPPERS, fill
from pages import ask_each, judge
from starlette.applications import Starlette

from keyfuse_store import KeyStore, leaks
from keyfuse_store.audit_changes import Change
from keyfuse_store.evidence import Evidence
from keyfuse_store.settings import Settings
from keyfuse_store.times import HOUR, rfc3339
from keyfuse_webhook.app import build_app
from keyfuse_webhook.jobs import JobQueue

_BATCH = 1000
_LEAKS = 2000
# Spread over two months: what a filter by time has to find its way in.
_SPAN = 60 * 24 * HOUR
_CHANGES = ("key.issued", "key.changed", "key.rotated", "key.suspended", "key.resumed")


def main() -> None:
    options = _options()
    made = tempfile.TemporaryDirectory(prefix="keyfuse-management")
    with nullcontext(options.home) if options.home else made as folder:
        url = f"sqlite:///{folder}/keys.db"
        if not Path(folder, "keys.db").exists():
            _fill(Path(folder), url, options)
        with closing(_open(Path(folder), url)) as store:
            asyncio.run(_measure(store, url, options))


async def _measure(store: KeyStore, url: str, options: argparse.Namespace) -> None:
    token = store.issue(
        prefix="keyfuse_root", owner="root@example.com", scopes=["keyfuse:admin"], admin=True
    ).token.reveal()
    queue = JobQueue(url)
    app = build_app(store, queue.enqueue, jobs=queue)
    try:
        async with _client(app, token) as client:
            pages = ((path, path) for path in _questions(store))
            slowest = await ask_each(client, pages, options.rounds)
    finally:
        queue.close()
    judge(slowest)


def _client(app: Starlette, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://keyfuse.test",
        headers={"Authorization": f"Bearer {token}"},
    )


def _questions(store: KeyStore) -> Iterator[str]:
    """Paths and queries: everything, the middle, much, little, nothing."""
    first = store.list(limit=1)[0]
    middle = store.list(search="key 50000", limit=1)[0].id
    owner = first.owner
    for name in ("keys", "owners", "leaks", "audit"):
        yield f"/v1/{name}?limit=100"
        yield f"/v1/{name}?limit=1000"
    for query in (
        "sort=newest",
        f"after={middle}",
        f"after={middle}&sort=newest",
        f"owner={owner}",
        "prefix=acme_live",
        "prefix=nobody_has",
        "state=active",
        "state=suspended",
        "state=quarantined",
        "state=quarantined&prefix=acme_live",
        "state=expired",
        "sort=name",
        "sort=ending",
        "sort=owner&state=active",
        f"state=suspended&owner={owner}",
        "search=key",
        f"search={middle[:5]}",
        "search=nothing%20like%20it",
        "search=team1@",
    ):
        yield f"/v1/keys?{query}"
    yield f"/v1/keys/{middle}"
    yield f"/v1/keys/{middle}/usage"
    yield "/v1/owners?search=team99"
    yield "/v1/owners?search=nobody"
    for query in ("sort=newest", "state=open", "state=resolved", f"owner={owner}"):
        yield f"/v1/leaks?{query}"
    late = rfc3339(store.clock() - HOUR)
    early = rfc3339(store.clock() - _SPAN)
    for query in (
        "sort=newest",
        "after=500000",
        "after=500000&sort=newest",
        f"subject={middle}",
        "subject=nothing",
        "action=key.rotated",
        "action=key.revoked&sort=newest",
        "action=no.such",
        "actor=cli:root",
        "actor=nobody",
        "actor=cli:ada&action=key.issued",
        f"since={late}",
        f"since={early}&sort=newest",
        f"since={late}&action=key.changed",
    ):
        yield f"/v1/audit?{query}"
    yield "/v1/audit/export?after=500000"
    yield "/v1/jobs"


def _open(home: Path, url: str) -> KeyStore:
    given = {"KEYFUSE_HOME": str(home), "KEYFUSE_DATABASE_URL": url}
    settings = Settings.load(given | {"KEYFUSE_MANAGEMENT_RATE": "1000000/minute"})
    return KeyStore.open(settings=settings, peppers=PEPPERS)


def _fill(home: Path, url: str, options: argparse.Namespace) -> None:
    fill(home, url, options.keys).store.close()
    with closing(_open(home, url)) as store:
        ids = _leak_and_suspend(store)
        _lengthen_record(store, ids, options.entries)


def _leak_and_suspend(store: KeyStore) -> Sequence[str]:
    ids: list[str] = []
    while found := store.list(after=ids[-1] if ids else None, limit=1000):
        ids += [key.id for key in found]
    for number, key_id in enumerate(random.Random(8).sample(ids, min(_LEAKS, len(ids)))):
        with store.begin() as connection:
            at = store.clock()
            leaks.record(
                connection,
                store.audit,
                store_key(store, key_id),
                Evidence("report", "possession"),
                action="revoke",
                receipt_id=f"r{number}",
                actor="report",
                at=at,
            )
        if number % 2:
            store.suspend(key_id, reason="benchmark")
    return ids


def store_key(store: KeyStore, key_id: str):
    return store.get(key_id)


def _lengthen_record(store: KeyStore, ids: Sequence[str], entries: int) -> None:
    source, now = random.Random(9), store.clock()
    with store.read() as connection:
        from keyfuse_store.audit import head

        end = head(connection)
    assert end is not None
    missing = max(0, entries - end.seq)
    for start in range(0, missing, _BATCH):
        at = now - _SPAN + _SPAN * start // missing
        changes = [
            Change(source.choice(_CHANGES), source.choice(ids), {"name": {"from": "a", "to": "b"}})
            for _ in range(min(_BATCH, missing - start))
        ]
        with store.begin() as connection:
            actor = source.choice(("cli:root", "cli:ada", "key:0000000000"))
            store.audit.append_all(connection, changes, actor=actor, at=at)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--home", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
