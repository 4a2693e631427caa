"""Four processes, two thousand revocations: each is seen by the next verification elsewhere."""

import os
import subprocess
import sys
from contextlib import ExitStack
from itertools import count
from typing import NamedTuple

import pytest

from keyfuse_store import KeyStore
from keyfuse_store.issue import KeyOrder

REVOCATIONS = 2000

# Verifies or revokes what it is told to, and answers with what it found.
WORKER = """
import sys
from keyfuse_store import KeyStore
store = KeyStore.open()
print("ready", flush=True)
for line in sys.stdin:
    what, _, rest = line.strip().partition(" ")
    if what == "verify":
        print(store.verify(rest).code, flush=True)
    else:
        print(getattr(store, what)(rest, reason="told to").state, flush=True)
store.close()
"""


class Worker(NamedTuple):
    process: "subprocess.Popen[str]"

    def ask(self, question: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(question, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()


@pytest.mark.timeout(600)
def test_no_process_ever_serves_a_revoked_key(store: KeyStore, environ: dict[str, str]) -> None:
    order = KeyOrder(prefix="acme_live", owner="a@example.com")
    issued = list(store.issue_many([order] * REVOCATIONS))
    turn = count()
    stale = []
    with ExitStack() as stack:
        workers = [
            Worker(
                stack.enter_context(
                    subprocess.Popen(
                        [sys.executable, "-c", WORKER],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        text=True,
                        env=os.environ | environ,
                    )
                )
            )
            for _ in range(4)
        ]
        for worker in workers:
            assert worker.process.stdout is not None
            assert worker.process.stdout.readline() == "ready\n"
        for one in issued:
            number = next(turn)
            revoker, verifier = workers[number % 4], workers[(number + 1 + number // 4 % 3) % 4]
            token = one.token.reveal()
            # Whatever a process might keep, it has now.
            assert verifier.ask(f"verify {token}") == "valid"
            step, expected = ("suspend", "suspended") if number % 10 == 0 else ("revoke", "revoked")
            assert revoker.ask(f"{step} {one.key.id}") == expected
            if (code := verifier.ask(f"verify {token}")) != expected:
                stale.append((number, code))
        for worker in workers:
            assert worker.process.stdin is not None
            worker.process.stdin.close()
    assert stale == []
    assert len(store.list(state="revoked", limit=1000)) == 1000
