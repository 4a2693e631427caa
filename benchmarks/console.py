"""How long does a page of the console take, with many keys and a long audit record?

    python benchmarks/console.py [--keys 100000] [--entries 1000000] [--home DIR] [--rounds 10]

Every page, in its ways of filtering and sorting, is asked for through the application itself
(session, database, template), without a network in between, on SQLite. Printed are the median and
the worst of the rounds in milliseconds, and the median of the CPU time, which a busy machine does
not stretch. With `--home` the data is kept there and used again.
"""

import argparse
import asyncio
import random
import tempfile
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path

import httpx
from keys_in_bulk import PEPPERS, fill
from pages import ask_each, judge
from sqlalchemy import insert

from keyfuse_store import KeyStore, leaks, lifecycle
from keyfuse_store.audit_changes import Change
from keyfuse_store.evidence import Evidence
from keyfuse_store.settings import Settings
from keyfuse_store.times import DAY, HOUR
from keyfuse_store.usage_schema import code_hours, usage_hours
from keyfuse_webhook.app import build_app
from keyfuse_webhook.console.sessions import Opening, begin_session
from keyfuse_webhook.jobs import JobQueue

_BATCH = 10_000
_LEAKS = 3000
_HOURS = 24 * 7
_USED_AN_HOUR = 1000
_CODES = ("valid", "unknown", "malformed", "revoked", "expired", "rate_limited")


def main() -> None:
    options = _options()
    made = tempfile.TemporaryDirectory(prefix="keyfuse-console")
    with nullcontext(options.home) if options.home else made as folder:
        home = Path(folder)
        url = f"sqlite:///{home}/keyfuse.db"
        if not (home / "keyfuse.db").exists():
            _fill(home, url, options)
        with closing(_open(home, url)) as store:
            asyncio.run(_measure(store, url, options.rounds))


async def _measure(store: KeyStore, url: str, rounds: int) -> None:
    queue = JobQueue(url)
    app = build_app(store, queue.enqueue, jobs=queue)
    cookies = {"keyfuse-console": _session(store)}
    try:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", cookies=cookies
        ) as client:
            pages = ((path or "/", f"/console{path}") for path in _pages(store))
            slowest = await ask_each(client, pages, rounds)
    finally:
        queue.close()
    judge(slowest)


def _session(store: KeyStore) -> str:
    root = store.issue(
        prefix="keyfuse_root", owner="root@example.com", scopes=["keyfuse:admin"], admin=True
    )
    with store.begin() as connection:
        return begin_session(connection, Opening(root.key.id), at=store.clock())


def _pages(store: KeyStore) -> Iterator[str]:
    key = store.list(limit=1)[0]
    middle = store.list(limit=1000)[-1].id
    with store.read() as connection:
        leak = leaks.page(connection, limit=1)[0]
    yield from ("", "/overview/numbers", "/overview/charts")
    yield from ("/keys", "/keys?sort=oldest", "/keys?sort=name", "/keys?sort=owner")
    yield from (
        "/keys?q=key",
        "/keys?q=team77@",
        "/keys?q=nothing+like+it",
        f"/keys?q={middle[:4]}",
    )
    for state in ("active", "suspended", "quarantined", "revoked", "expired"):
        yield f"/keys?state={state}"
        yield f"/keys?state={state}&sort=name"
    yield f"/keys?sort=name&after={middle}"
    yield f"/keys?owner={key.owner_id}"
    yield from (f"/keys/{key.id}", f"/keys/{key.id}/rotate", "/keys/new")
    yield from ("/leaks", "/leaks?state=open", "/leaks?state=resolved")
    yield from (f"/leaks/{leak.id}", f"/leaks/{leak.id}/timeline")
    yield from ("/owners", "/owners?q=team9", "/owners?q=nobody")
    yield from ("/audit", "/audit?before=500000", "/audit?action=key.revoked")
    yield from (f"/audit?subject={key.id}", "/audit?actor=nobody", "/audit?actor=nobody&action=no")
    yield from ("/audit/check", "/jobs", "/jobs?view=dead")


def _open(home: Path, url: str) -> KeyStore:
    settings = Settings.load({"KEYFUSE_HOME": str(home), "KEYFUSE_DATABASE_URL": url})
    return KeyStore.open(settings=settings, peppers=PEPPERS)


def _fill(home: Path, url: str, options: argparse.Namespace) -> None:
    filled = fill(home, url, options.keys)
    with closing(filled.store) as store:
        ids = [token.partition("_kf1")[2][:10] for token in filled.tokens]
        draw = random.Random(8)
        _leak(store, ids[:_LEAKS], draw)
        _use(store, ids, draw)
        written = options.keys + 2 * _LEAKS
        for start in range(written, options.entries, _BATCH):
            changes = [Change("key.changed", draw.choice(ids), {}) for _ in range(_BATCH)]
            with store.begin() as connection:
                actor = draw.choice(["cli:root", "github", "key:0000000000"])
                store.audit.append_all(connection, changes, actor=actor, at=store.clock() + start)


def _leak(store: KeyStore, ids: list[str], draw: random.Random) -> None:
    for start in range(0, len(ids), 100):
        with store.begin() as connection:
            for key_id in ids[start : start + 100]:
                at = store.clock() - draw.randrange(60 * DAY)
                by = {"actor": "github", "at": at}
                evidence = Evidence("github", "signed", "commit", claimed_us=at - HOUR)
                key = store.get(key_id)
                leaks.record(
                    connection,
                    store.audit,
                    key,
                    evidence,
                    action="revoke",
                    receipt_id=f"rcpt_{start}",
                    **by,
                )
                lifecycle.revoke(connection, store.audit, key_id, reason="leaked", **by)


def _use(store: KeyStore, ids: list[str], draw: random.Random) -> None:
    latest = store.clock() - store.clock() % HOUR
    for hour in range(latest - _HOURS * HOUR, latest + HOUR, HOUR):
        used = {"hour": hour, "valid": 9, "refused": 1, "spent": 9, "last_used_at": hour}
        some = draw.sample(ids, min(len(ids), _USED_AN_HOUR))
        with store.begin() as connection:
            connection.execute(insert(usage_hours), [used | {"key_id": one} for one in some])
            counted = [{"hour": hour, "code": code, "calls": 100} for code in _CODES]
            connection.execute(insert(code_hours), counted)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--rounds", type=int, default=10)
    return parser.parse_args()


if __name__ == "__main__":
    main()
