"""A sign of life is seen by others, ends with its process, and is not mistaken for another."""

import subprocess
import sys
from pathlib import Path

import sqlalchemy as sa

from keyfuse_webhook.jobs.presence import open_presence
from support.webhook import eventually

_HOLD = """
import sys, time
from keyfuse_webhook.jobs.presence import open_presence
presence = open_presence(sys.argv[1])
print(presence.id, flush=True)
time.sleep(60)
"""


def test_names_are_never_used_twice(url):
    one, two = open_presence(url), open_presence(url)
    assert one.id != two.id
    one.leave()
    two.leave()


def test_name_is_held_while_its_process_lives_and_free_when_it_is_killed(url):
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, url], stdout=subprocess.PIPE, text=True
    ) as process:
        name = process.stdout.readline().strip()
        presence = open_presence(url)
        with presence.claim(name) as free:
            assert not free
        process.kill()
        process.wait()

        def is_free():
            with presence.claim(name) as free:
                return free

        assert eventually(is_free)
        presence.leave()


def test_name_that_is_claimed_is_claimed_by_nobody_else(url):
    one, two = open_presence(url), open_presence(url)
    with one.claim("gone") as first, two.claim("gone") as second:
        assert (first, second) == (True, False)
    with two.claim("gone") as free:
        assert free
    one.leave()
    two.leave()


def test_name_that_was_let_go_of_is_free(url):
    one, two = open_presence(url), open_presence(url)
    assert one.holds()
    one.leave()
    with two.claim(one.id) as free:
        assert free
    two.leave()


def test_lock_that_was_lost_is_noticed(url, engine):
    presence = open_presence(url)
    if url.startswith("sqlite"):
        (Path(f"{sa.make_url(url).database}.workers") / presence.id).unlink()
    else:
        with engine.connect() as connection:
            connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                    " AND database = (SELECT oid FROM pg_database"
                    " WHERE datname = current_database())"
                )
            )
    assert not presence.holds()
    presence.leave()
