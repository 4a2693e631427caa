"""keyshield: `default N`, `cached N` (no delay) or `unrevoke` on each line of standard input.

Its keys are few: each is made with Argon2, a quarter of a second apiece.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiocache
from keyshield import ApiKeyService
from keyshield.hasher.argon2 import Argon2ApiKeyHasher
from keyshield.repositories.sql import SqlAlchemyApiKeyRepository
from keyshield.services.cached import CachedApiKeyService
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

KEYS = 20
folder = Path(sys.argv[1])
engine = create_async_engine(f"sqlite+aiosqlite:///{folder}/keyshield.db")
sessions = async_sessionmaker(engine, expire_on_commit=False)
hasher = Argon2ApiKeyHasher(pepper="p" * 32)


@asynccontextmanager
async def service(kind: Callable[..., Any], **options: Any) -> Any:
    async with sessions() as session, session.begin():
        yield kind(repo=SqlAlchemyApiKeyRepository(session), hasher=hasher, **options)


async def measure(kind: Callable[..., Any], tokens: list[str], calls: int, **options: Any) -> dict:
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(calls):
        async with service(kind, **options) as one:
            await one.verify_key(tokens[number % len(tokens)])
    return {
        "calls": calls,
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
    }


async def unrevoke(token: str, key_id: str) -> dict:
    """Worker A disables a key that worker B has in its cache; then B and A are asked."""
    caches = {"a": aiocache.SimpleMemoryCache(), "b": aiocache.SimpleMemoryCache()}
    for cache in caches.values():
        # Each worker has a cache of its own, whatever two of them in one process would share.
        cache._cache, cache._handlers = {}, {}  # noqa: SLF001

    async def accepts(worker: str) -> bool:
        options = {"cache": caches[worker], "min_delay": 0, "max_delay": 0}
        try:
            async with service(CachedApiKeyService, **options) as one:
                await one.verify_key(token)
        except Exception:  # noqa: BLE001 - any refusal will do
            return False
        return True

    await accepts("b")
    async with service(CachedApiKeyService, cache=caches["a"]) as one:
        entity = await one.get_by_key_id(key_id)
        entity.disable()
        await one.update(entity)
    return {
        "revoking worker right after": await accepts("a"),
        "other worker": await accepts("b"),
        "revoking worker after that": await accepts("a"),
    }


async def main() -> None:
    async with sessions() as session:
        await SqlAlchemyApiKeyRepository(session).ensure_table(engine)
    made = []
    for number in range(KEYS):
        async with service(ApiKeyService) as one:
            made.append(await one.create(name=f"benchmark {number}"))
    tokens = [token for _, token in made]
    cached = {"min_delay": 0, "max_delay": 0, "cache": aiocache.SimpleMemoryCache()}
    await measure(CachedApiKeyService, tokens, KEYS, **cached)
    print(json.dumps({"keys": KEYS}), flush=True)
    for line in sys.stdin:
        what, _, number = line.strip().partition(" ")
        if what == "default":
            answer = await measure(ApiKeyService, tokens, int(number))
        elif what == "cached":
            answer = await measure(CachedApiKeyService, tokens, int(number), **cached)
        else:
            answer = await unrevoke(tokens[-1], made[-1][0].key_id)
        print(json.dumps(answer), flush=True)
    await engine.dispose()


asyncio.run(main())
