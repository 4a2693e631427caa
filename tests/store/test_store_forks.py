"""A process that forks (a server with pre-loaded workers) shares neither connections nor counts."""

import os
import subprocess
import sys

import pytest

from keyfuse_store import KeyNotFound, KeyStore
from keyfuse_store.held import _forget_parents
from support.backends import execute, sqlite_only

# Verifies, forks, and verifies in both processes until the quota is gone.
FORKER = """
import os, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside a thread: that is the point
from keyfuse_store import KeyStore
store = KeyStore.open()
token = sys.stdin.readline().strip()
spent = int(store.verify(token).ok)
child = os.fork()
if child == 0:
    spent = 0
while (code := store.verify(token).code) == "valid":
    spent += 1
assert code == "quota_exceeded", code
store.close()
os.write(1, b"%d\\n" % spent)
if child:
    os.waitpid(child, 0)
else:
    os._exit(0)
"""


def test_a_child_has_connections_leases_and_counts_of_its_own(
    store: KeyStore, environ: dict[str, str]
) -> None:
    issued = store.issue(prefix="acme_live", owner="a@example.com", quota="2000/month")
    done = subprocess.run(
        [sys.executable, "-c", FORKER],
        input=issued.token.reveal(), capture_output=True, text=True, check=False,
        env=os.environ | environ, timeout=120,
    )  # fmt: skip
    assert done.stderr == ""
    counts = [int(line) for line in done.stdout.split()]
    assert len(counts) == 2
    assert sum(counts) == 2000
    assert sum(hour.valid for hour in store.usage(issued.key.id, limit=100).hours) == 2000


# On PostgreSQL the driver complains of the connections that are left to a parent, which is us here.
@sqlite_only
def test_after_a_fork_connections_are_opened_anew(store: KeyStore) -> None:
    issued = store.issue(prefix="acme_live", owner="a@example.com")
    assert store.verify(issued.token).ok
    before = store._reader._held.local.held
    store.database.engine.dispose()  # nobody would close those that are left to a parent
    _forget_parents()
    assert store.verify(issued.token, holder=True).ok
    assert store._reader._held.local.held is not before
    before.close()


@pytest.mark.parametrize("holder", [False, True])
def test_a_dead_connection_is_replaced_for_holders_too(store: KeyStore, *, holder: bool) -> None:
    issued = store.issue(prefix="acme_live", owner="a@example.com")
    assert store.verify(issued.token, holder=holder).key == issued.key
    store._reader._held.local.held.driver.close()
    verdict = store.verify(issued.token, holder=holder)
    store._reader._held.local.held.driver.close()
    assert verdict.key is not None
    assert verdict.key.id == verdict.key_id == issued.key.id


def test_a_key_that_is_gone_altogether(store: KeyStore) -> None:
    issued = store.issue(prefix="acme_live", owner="a@example.com")
    verdict = store.verify(issued.token)
    execute(store, "DELETE FROM kf_keys")
    with pytest.raises(KeyNotFound):
        _ = verdict.key
