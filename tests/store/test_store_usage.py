"""What is written behind: soon, never twice, never touching the state of a key."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from keyfuse_store import InvalidField, Issued, KeyNotFound, KeyStore
from keyfuse_store import usage as usage_log
from keyfuse_store.cli import keys as keys_command
from keyfuse_store.settings import Settings
from keyfuse_store.sinks import Call
from keyfuse_store.sinks.stream import FileSink
from support.backends import execute, postgresql_only, sqlite_only
from support.keys import break_checksum, make_key
from support.webhook import eventually

PEPPERS = {1: b"p" * 32}
HOUR = timedelta(hours=1)
NOW = 1_800_000_000_000_000  # 2027-01-15T08:00:00Z

Open = Callable[..., KeyStore]


@pytest.fixture
def open_with(environ: dict[str, str], clock) -> Iterator[Open]:
    """Opens the database of the test with other settings."""
    opened: list[KeyStore] = []

    def open_one(**settings: str) -> KeyStore:
        more = {f"KEYFUSE_{name.upper()}": value for name, value in settings.items()}
        opened.append(KeyStore.open(settings=Settings.load(environ | more), clock=clock))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


def test_statistics_per_key_and_hour(store: KeyStore, issued: Issued, clock) -> None:
    for _ in range(3):
        assert store.verify(issued.token, cost=5).ok
    assert not store.verify(issued.token, scopes=["other:read"]).ok
    clock.advance(HOUR)
    store.verify(issued.token, cost=0)
    store.flush()
    hours = store.usage(issued.key.id).hours
    assert [(one.start, *one[1:]) for one in hours] == [
        (NOW + 3_600_000_000, 1, 0, 0),
        (NOW, 3, 1, 15),
    ]


def test_last_used_is_that_of_the_last_valid_call(store: KeyStore, issued: Issued, clock) -> None:
    assert store.get(issued.key.id).last_used is None
    store.verify(issued.token)
    used = clock.now
    clock.advance(HOUR)
    store.verify(issued.token, scopes=["other:read"])
    store.flush()
    assert store.get(issued.key.id).last_used_us == used
    clock.now = used - 1
    store.verify(issued.token)
    store.flush()
    assert store.get(issued.key.id).last_used_us == used, "it never moves back"


def test_usage_is_written_within_a_second(store: KeyStore, issued: Issued) -> None:
    store.verify(issued.token)
    begun = time.monotonic()
    eventually(lambda: store.get(issued.key.id).last_used_us, seconds=10)
    # The machine that runs the tests may be busy; the interval leaves a quarter for the writing.
    assert time.monotonic() - begun < 5
    assert usage_log.INTERVAL <= 0.75


def test_closing_writes_the_rest(open_with: Open) -> None:
    one, other = open_with(), open_with()
    issued = one.issue(prefix="acme_live", owner="a@example.com")
    assert one.verify(issued.token).ok
    one.close()
    assert other.usage(issued.key.id).hours[0].valid == 1


def test_threads_lose_no_count(store: KeyStore, issued: Issued) -> None:
    def work() -> None:
        for _ in range(200):
            store.verify(issued.token)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        store.flush()
    store.flush()
    assert sum(hour.valid for hour in store.usage(issued.key.id).hours) == 800


def test_strangers_are_no_statistics(store: KeyStore, issued: Issued) -> None:
    store.verify(make_key())
    store.verify("nonsense")
    store.flush()
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM kf_usage_hours").scalar() == 0


def test_nothing_late_brings_a_revoked_key_back(open_with: Open) -> None:
    one, other = open_with(), open_with()
    issued = one.issue(prefix="acme_live", owner="a@example.com")
    for _ in range(5):
        assert one.verify(issued.token).ok
    other.revoke(issued.key.id, reason="leaked")
    dead = other.get(issued.key.id)
    one.flush()
    assert other.get(issued.key.id).last_used_us is not None
    for store in (one, other):
        assert store.verify(issued.token).code == "revoked"
        left = store.get(issued.key.id).as_json()
        assert left | {"last_used": None} == dead.as_json()


def test_keys_move_to_the_newest_pepper_when_they_are_used(
    open_with: Open, environ: dict[str, str], clock
) -> None:
    import base64

    one = open_with()
    issued = one.issue(prefix="acme_live", owner="a@example.com")
    dead = one.issue(prefix="acme_live", owner="a@example.com")
    both = ",".join(f"{n}:{base64.b64encode(b * 32).decode()}" for n, b in ((1, b"p"), (2, b"q")))
    newer = open_with(peppers=both)
    assert newer.verify(issued.token).ok
    assert newer.verify(dead.token).ok
    one.revoke(dead.key.id, reason="leaked")
    newer.flush()
    with newer.read() as connection:
        found = connection.exec_driver_sql("SELECT id, pepper_version FROM kf_keys").all()
    assert dict(map(tuple, found)) == {issued.key.id: 2, dead.key.id: 2}
    assert newer.verify(issued.token).ok
    assert newer.verify(dead.token).code == "revoked"
    assert newer.match([issued.token.reveal()])[0].id == issued.key.id
    only_new = base64.b64encode(b"q" * 32).decode()
    assert open_with(peppers=f"2:{only_new}").verify(issued.token).ok
    assert one.verify(issued.token).code == "unavailable"


def test_a_digest_that_changed_meanwhile_is_left_alone(store: KeyStore, issued: Issued) -> None:
    from keyfuse_store.usage_rows import Rehash

    execute(store, "UPDATE kf_keys SET pepper_version = 3")
    store._usage.rehash(Rehash(issued.key.id, 1, 2, bytes(32)))
    store.flush()
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT pepper_version FROM kf_keys").scalar() == 3


def test_a_locked_database_loses_nothing(
    store: KeyStore, issued: Issued, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    store.verify(issued.token)
    execute(store, "ALTER TABLE kf_usage_hours RENAME TO kf_lost")
    store.flush()
    assert "usage could not be written" in caplog.text
    store.verify(issued.token)
    execute(store, "ALTER TABLE kf_lost RENAME TO kf_usage_hours")
    store.flush()
    assert store.usage(issued.key.id).hours[0].valid == 2


def test_a_commit_in_doubt_is_not_counted_twice(
    store: KeyStore, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keyfuse_store.errors import DatabaseVanished

    begin = store.database.begin

    @contextmanager
    def in_doubt():
        with begin() as connection:
            yield connection
        raise DatabaseVanished("the answer to the commit was lost")

    store.verify(issued.token)
    with monkeypatch.context() as patch:
        patch.setattr(store.database, "begin", in_doubt)
        store.flush()
    store.flush()
    assert store.usage(issued.key.id).hours[0].valid == 1


@postgresql_only
def test_a_key_that_somebody_changes_is_not_waited_for(store: KeyStore, issued: Issued) -> None:
    store.verify(issued.token)
    with store.begin() as connection:
        connection.exec_driver_sql("UPDATE kf_keys SET name = 'held'")
        store.flush()
        assert store.usage(issued.key.id).hours[0].valid == 1


def test_old_statistics_are_forgotten(store: KeyStore, issued: Issued, clock) -> None:
    for _ in range(2):
        store.verify(issued.token)
        store.flush()
        clock.advance(timedelta(days=usage_log.HOURS_DAYS))
    store._usage.prune()
    assert len(store.usage(issued.key.id).hours) == 1
    assert store.get(issued.key.id).last_used is not None


def test_when_a_key_was_last_used_outlives_its_statistics(
    store: KeyStore, issued: Issued, clock
) -> None:
    store.verify(issued.token)
    used = clock.now
    clock.advance(HOUR)
    store.verify(issued.token, scopes=["other:read"])
    store.flush()
    clock.advance(timedelta(days=2 * usage_log.HOURS_DAYS))
    store._usage.prune()
    assert [hour.valid for hour in store.usage(issued.key.id).hours] == [1]
    assert store.get(issued.key.id).last_used_us == used


def test_a_child_leaves_the_calls_of_its_parent_to_it(store: KeyStore, issued: Issued) -> None:
    store.verify(issued.token)
    thread = store._usage._thread
    store._usage.forget_parent()
    assert store.verify(issued.token).ok
    assert store._usage._thread is not thread
    store.flush()
    assert store.usage(issued.key.id).hours[0].valid == 1
    assert thread is not None
    store._usage._closed.set()
    thread.join()


# Usage events


def test_events_are_off_unless_asked_for(store: KeyStore, issued: Issued) -> None:
    store.verify(issued.token)
    store.flush()
    assert store.usage(issued.key.id).events == ()


def ask_around(store: KeyStore) -> Issued:
    issued = store.issue(prefix="acme_live", owner="a@example.com", scopes=["a:read"])
    token = issued.token.reveal()
    where, agent = "203.0.113.7", f"with {token} in it\0" + "x" * 999
    store.verify(token, scopes=["a:read"], client_address=where, user_agent="curl/8", cost=2)
    store.verify(token, any_of=["b:read", "b:write"], user_agent=agent)
    store.verify(break_checksum(token))
    store.verify(make_key(seed=7), client_address="9" * 99)
    store.flush()
    return issued


def test_all_events_in_the_database(open_with: Open) -> None:
    store = open_with(usage_events="all")
    issued = ask_around(store)
    refused, valid = store.usage(issued.key.id).events
    assert valid == Call(NOW, issued.key.id, "valid", 2, "a:read", "203.0.113.7", "curl/8")
    assert (refused.code, refused.scopes) == ("insufficient_scope", "b:read b:write")
    assert refused.agent is not None
    assert len(refused.agent) == 200
    assert issued.token.reveal()[-38:] not in refused.agent
    with store.read() as connection:
        codes = connection.exec_driver_sql(
            "SELECT code FROM kf_usage_events WHERE key_id IS NULL ORDER BY id"
        ).scalars()
        assert list(codes) == ["malformed", "unknown"]


def test_refusals_only(open_with: Open) -> None:
    store = open_with(usage_events="refusals")
    issued = ask_around(store)
    assert [event.code for event in store.usage(issued.key.id).events] == ["insufficient_scope"]


@sqlite_only
def test_events_in_a_file_a_day(open_with: Open, home: Path, clock) -> None:
    store = open_with(usage_events="all", usage_sink="file", usage_days="2")
    issued = ask_around(store)
    clock.advance(timedelta(days=1))
    store.verify(issued.token)
    store.flush()
    first, second = home / "usage-2027-01-15.jsonl", home / "usage-2027-01-16.jsonl"
    assert first.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in first.read_text().splitlines()]
    assert [line["code"] for line in lines] == [
        "valid", "insufficient_scope", "malformed", "unknown",
    ]  # fmt: skip
    assert lines[0] == {
        "at": "2027-01-15T08:00:00Z", "key_id": issued.key.id, "code": "valid", "cost": 2,
        "scopes": ["a:read"], "address": "203.0.113.7", "user_agent": "curl/8",
    }  # fmt: skip
    assert json.loads(second.read_text())["code"] == "valid"
    clock.advance(timedelta(days=2))
    store._usage.prune()
    assert (first.exists(), second.exists()) == (False, True)


@sqlite_only
def test_events_on_standard_output(open_with: Open, capsys: pytest.CaptureFixture[str]) -> None:
    ask_around(open_with(usage_events="refusals", usage_sink="stdout"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["code"] for line in lines] == ["insufficient_scope", "malformed", "unknown"]


def test_old_events_are_forgotten(open_with: Open, clock, monkeypatch) -> None:
    monkeypatch.setattr("keyfuse_store.sinks.database._PIECE", 2)
    store = open_with(usage_events="all", usage_days="1")
    issued = store.issue(prefix="acme_live", owner="a@example.com")
    for _ in range(5):
        store.verify(issued.token)
    clock.advance(timedelta(days=1))
    store.verify(issued.token)
    store.flush()
    clock.advance(timedelta(microseconds=1))
    store._usage.prune()
    assert [event.at for event in store.usage(issued.key.id).events] == [clock.now - 1]


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = FileSink(tmp_path / "usage.jsonl")
    call = Call(NOW, None, "unknown", 1, "", None, None)
    sink.write([call])
    whole = (tmp_path / "usage-2027-01-15.jsonl").read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:10]))
    with pytest.raises(OSError, match="full"):
        sink.write([call])
    assert (tmp_path / "usage-2027-01-15.jsonl").read_bytes() == whole


@sqlite_only
def test_events_that_nobody_takes_are_bounded_and_said(
    open_with: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(usage_log, "BACKLOG_MAX", 3)
    store = open_with(usage_events="all")
    issued = store.issue(prefix="acme_live", owner="a@example.com")
    taken = "CREATE VIEW usage.kf_usage_events AS SELECT 1"
    execute(store, "ALTER TABLE kf_usage_events RENAME TO kf_lost", taken)
    for _ in range(5):
        store.verify(issued.token)
    store.flush()
    assert "2 usage events are lost: they come faster" in caplog.text
    store.close()
    assert "3 usage events are lost: nobody took them" in caplog.text


USER = """
import sys, time
from keyfuse_store import KeyStore
store = KeyStore.open()
token = sys.stdin.readline().strip()
while True:
    assert store.verify(token).ok
    print(time.monotonic(), flush=True)
    time.sleep(0.002)
"""


def test_a_killed_process_loses_the_last_second_at_most(
    open_with: Open, environ: dict[str, str]
) -> None:
    store = open_with()
    issued = store.issue(prefix="acme_live", owner="a@example.com")
    with subprocess.Popen(
        [sys.executable, "-c", USER],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | environ | {"KEYFUSE_USAGE_EVENTS": "all"},
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        print(issued.token.reveal(), file=process.stdin, flush=True)
        made = [float(process.stdout.readline()) for _ in range(800)]
        process.send_signal(signal.SIGKILL)
        made += [float(line) for line in process.stdout if line.endswith("\n")]
    counted = sum(hour.valid for hour in store.usage(issued.key.id).hours)
    events = len(store.usage(issued.key.id, limit=10_000).events)
    # One interval and what the write itself may take on a busy machine.
    old = sum(1 for at in made if at < made[-1] - 1.0 - usage_log.INTERVAL)
    # A call whose line was not printed any more may have been counted.
    assert old <= counted <= len(made) + 1
    assert old <= events <= len(made) + 1


# On the command line and as values


def test_usage_of_a_key_that_is_not_there(store: KeyStore) -> None:
    with pytest.raises(KeyNotFound):
        store.usage("0123456789")
    with pytest.raises(InvalidField, match="limit"):
        store.usage(issued_id(store), limit=0)


def issued_id(store: KeyStore) -> str:
    return store.issue(prefix="acme_live", owner="a@example.com").key.id


def run(environ: dict[str, str], *arguments: str) -> str:
    result = CliRunner(env=environ).invoke(keys_command, ["usage", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_keys_usage_on_the_command_line(open_with: Open, environ: dict[str, str], clock) -> None:
    clock.now = int(time.time() * 1e6)
    store = open_with(usage_events="all")
    issued = ask_around(store)
    table = run(environ, issued.key.id).splitlines()
    assert table[0].split() == ["HOUR", "(UTC)", "VALID", "REFUSED", "SPENT"]
    assert table[1].split()[2:] == ["1", "1", "2"]
    calls = run(environ, issued.key.id, "--events").splitlines()
    assert calls[0].split() == ["AT", "CODE", "COST", "SCOPES", "ADDRESS", "USER", "AGENT"]
    assert calls[2].split()[1:] == ["valid", "2", "a:read", "203.0.113.7", "curl/8"]
    answer = json.loads(run(environ, issued.key.id, "--json"))
    assert [hour["valid"] for hour in answer["hours"]] == [1]
    assert [event["code"] for event in answer["events"]] == ["insufficient_scope", "valid"]
