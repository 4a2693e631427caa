"""Writers killed at any moment leave every change with its audit entry, and no entry without it."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable

from sqlalchemy import text

from keyfuse_store import Key, KeyStore, audit
from keyfuse_store.audit import AuditEntry
from keyfuse_store.settings import Settings

PEPPERS = {1: b"p" * 32}
CHANGES = 1000
KILLS = 20

# Forks two writers for each line it reads, which then change keys at random until they are
# killed, and say so after each commit. Importing everything takes longer than a writer lives.
NURSERY = """
import os, random, sys
from datetime import timedelta
from keyfuse_store import KeyStore, StoreError
from keyfuse_store.settings import Settings

def say(word):
    os.write(1, word.encode() + b"\\n")

def change(store, dice, mine):
    match dice.choice(["issue", "issue", "rotate", "rotate", "revoke", "suspend", "rename"]):
        case "issue":
            owner = f"{dice.randrange(5)}@example.com"
            mine.append(store.issue(prefix="acme_live", owner=owner).key.id)
        case "rotate":
            lap = timedelta(hours=dice.randrange(2))
            mine.append(store.rotate(dice.choice(mine), overlap=lap).key.id)
        case "revoke":
            store.revoke(mine.pop(dice.randrange(len(mine))), reason="busy")
        case "suspend":
            store.suspend(dice.choice(mine), reason="busy")
        case "rename":
            store.rename(dice.choice(mine), f"name {dice.random()}")

def write(seed):
    dice, mine = random.Random(seed), []
    store = KeyStore.open(settings=Settings.load())
    while True:
        try:
            change(store, dice, mine)
        except (IndexError, ValueError, StoreError):
            continue
        say("did")

for line in sys.stdin:
    writers = []
    for which in "ab":
        writers.append(os.fork())
        if writers[-1] == 0:
            write(line + which)
    say(f"{writers[0]} {writers[1]}")
    for writer in writers:
        os.waitpid(writer, 0)
    say("dead")
"""


def test_a_thousand_changes_under_random_kills(
    settings: Settings, environ: dict[str, str], clock
) -> None:
    dice = random.Random(20)
    done = kills = 0
    with subprocess.Popen(
        [sys.executable, "-c", NURSERY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | environ,
    ) as nursery:
        while done < CHANGES or kills < KILLS:
            done += _killed_writers(nursery, dice, CHANGES // KILLS + 1)
            kills += 2
            _examine(settings, clock, deep=False)
        assert nursery.stdin is not None
        nursery.stdin.close()
    _examine(settings, clock, deep=True)


def _killed_writers(nursery: subprocess.Popen[bytes], dice: random.Random, at_least: int) -> int:
    """Let two writers commit that often together, and kill both anywhere in a change."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(f"{dice.random()}\n".encode())
    nursery.stdin.flush()
    heard = 0
    pids: list[int] = []
    while heard < at_least or not pids:
        word = nursery.stdout.readline()
        assert word, "the nursery died"
        if word == b"did\n":
            heard += 1
        else:
            pids = [int(pid) for pid in word.split()]
    time.sleep(dice.random() / 50)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for word in nursery.stdout:
        if word == b"dead\n":
            break
        heard += 1
    return heard


def _examine(settings: Settings, clock, *, deep: bool) -> None:
    """Everything the record says has happened, and nothing else has."""
    with KeyStore.open(settings=settings, peppers=PEPPERS, clock=clock) as store:
        keys = _all_keys(store)
        with store.read() as connection:
            entries = [entry for page in _pages(connection) for entry in page]
            assert audit.verify_chain(connection, store.peppers).problem is None
            if deep and store.database.embedded:
                assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
    told = _told(entries)
    assert told == {key.id: _facts(key) for key in keys}


def _facts(key: Key) -> dict[str, object]:
    return {
        "name": key.name,
        "state": key.state,
        "predecessor": key.predecessor_id,
        "successor": key.successor_id,
    }


def _told(entries: Iterable[AuditEntry]) -> dict[str, dict[str, object]]:
    """The keys as the record alone tells them."""
    keys: dict[str, dict[str, object]] = {}
    for entry in entries:
        if entry.action == "key.issued":
            predecessor = entry.detail.get("predecessor")
            name = "" if predecessor is None else keys[str(predecessor)]["name"]
            keys[entry.subject] = {
                "name": name, "state": "active", "predecessor": predecessor, "successor": None
            }  # fmt: skip
        elif entry.action == "key.rotated":
            keys[entry.subject]["successor"] = entry.detail["successor"]
        elif entry.action == "key.changed":
            keys[entry.subject]["name"] = entry.detail["name"]["to"]
        elif entry.action.startswith("key."):
            keys[entry.subject]["state"] = entry.action.removeprefix("key.")
    return keys


def _all_keys(store: KeyStore) -> list[Key]:
    found: list[Key] = []
    while page := store.list(after=found[-1].id if found else None, limit=1000):
        found += page
    return found


def _pages(connection) -> Iterable[list[AuditEntry]]:
    after = 0
    while page := audit.entries(connection, after=after, limit=1000):
        after = page[-1].seq
        yield page
