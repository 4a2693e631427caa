"""What one process commits, the next verification in every other process sees."""

import os
import subprocess
import sys

from keyfuse_store import KeyStore, audit
from keyfuse_store.settings import Settings

# Answers each token on its standard input with the code of its verdict.
VERIFIER = """
import sys
from keyfuse_store import KeyStore
store = KeyStore.open()
print("ready", flush=True)
for line in sys.stdin:
    print(store.verify(line.strip()).code, flush=True)
store.close()
"""
# Issues and revokes keys until it has done its number.
WRITER = """
import sys
from keyfuse_store import KeyStore
store = KeyStore.open()
for number in range(int(sys.argv[1])):
    issued = store.issue(prefix="acme_live", owner=f"{number}@example.com")
    print(issued.key.id, flush=True)
    store.revoke(issued.key.id, reason="busy")
store.close()
"""


def start(program: str, environ: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | environ,
    )


def test_a_revocation_is_seen_by_the_next_verification_in_another_process(
    store: KeyStore, environ: dict[str, str]
) -> None:
    issued = [store.issue(prefix="acme_live", owner="a@example.com") for _ in range(100)]
    with start(VERIFIER, environ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"

        def answer(token: str) -> str:
            print(token, file=other.stdin, flush=True)
            return other.stdout.readline().strip()

        for one in issued:
            token = one.token.reveal()
            assert answer(token) == "valid"
            store.revoke(one.key.id, reason="leaked")
            assert answer(token) == "revoked"
        other.stdin.close()


def test_four_processes_write_one_database(store: KeyStore, environ: dict[str, str]) -> None:
    writers = [start(WRITER, environ, "25") for _ in range(4)]
    for writer in writers:
        output, _ = writer.communicate()
        assert (writer.returncode, output.count("\n")) == (0, 25)
    assert len(store.list(state="revoked")) == 100
    with store.read() as connection:
        # 25 owners that all of them share, 100 keys issued, 100 revoked.
        assert audit.verify_chain(connection, store.peppers) == (225, None)


def test_a_killed_writer_leaves_no_key_without_its_audit_entry(environ: dict[str, str]) -> None:
    settings = Settings.load(environ)
    for killed_after in (1, 4, 9):
        with start(WRITER, environ, "1000") as writer:
            assert writer.stdout is not None
            for _ in range(killed_after):
                writer.stdout.readline()
            writer.kill()
        with KeyStore.open(settings=settings) as store:
            keys = {key.id: key for key in store.list(limit=1000)}
            with store.read() as connection:
                entries = audit.entries(connection, limit=10_000)
                assert audit.verify_chain(connection, store.peppers).problem is None
        by_action = {
            action: {entry.subject for entry in entries if entry.action == action}
            for action in ("key.issued", "key.revoked")
        }
        assert by_action["key.issued"] == set(keys)
        assert by_action["key.revoked"] == {
            key.id for key in keys.values() if key.state == "revoked"
        }
