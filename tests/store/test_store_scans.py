"""Scans of many repositories: parts, shards, progress, and an end to keeping them."""

from datetime import timedelta

import pytest

from keyfuse_store import KeyStore, scans
from keyfuse_store.scans import Part, Progress, Subject

SUBJECTS = [Subject("acme/app", private=True), Subject("acme/site", private=False)]


@pytest.fixture
def scan(store: KeyStore) -> scans.Scan:
    with store.begin() as connection:
        return scans.create(
            connection, SUBJECTS, source="github", title="acme", installation="77",
            at=store.clock(),
        )  # fmt: skip


def read(store: KeyStore, scan: scans.Scan) -> list[Part]:
    with store.read() as connection:
        return list(scans.parts(connection, scan.id))


def test_a_scan_has_a_part_for_each_repository(store: KeyStore, scan: scans.Scan) -> None:
    with store.read() as connection:
        assert scans.get(connection, scan.id) == scan
        assert scans.get(connection, "scan_none") is None
        assert scans.part(connection, scan.id, 7, 0) is None
        first = scans.part(connection, scan.id, 0, 0)
        assert scans.progress(connection, scan.id) == Progress(2, 0, 0, 0)
    waiting = {"state": "waiting", "reason": None, "result": None}
    assert read(store, scan) == [
        first,
        Part(scan.id, 1, 0, 1, "acme/site", private=False, **waiting),
    ]
    assert first is not None
    assert first.private


def test_parts_end_with_a_result_or_a_reason(store: KeyStore, scan: scans.Scan) -> None:
    first, second = read(store, scan)
    with store.begin() as connection:
        scans.end(connection, first, result="{}", findings=3)
        scans.end(connection, second, reason="gone")
        assert scans.progress(connection, scan.id) == Progress(0, 1, 1, 3)
    first, second = read(store, scan)
    assert (first.state, first.result, first.reason) == ("done", "{}", None)
    assert (second.state, second.result, second.reason) == ("failed", None, "gone")
    with store.begin() as connection:
        scans.end(connection, second, result="{}", findings=1)
    assert read(store, scan)[1].reason is None, "a part that is done again is not failed any more"


def test_a_part_is_split_once(store: KeyStore, scan: scans.Scan) -> None:
    first, second = read(store, scan)
    with store.begin() as connection:
        new = scans.split(connection, first, 3)
        assert scans.split(connection, first, 4) == []
    assert [(part.number, part.shard, part.shards) for part in new] == [(0, 1, 3), (0, 2, 3)]
    found = read(store, scan)
    assert [(part.number, part.shard, part.shards) for part in found] == [
        (0, 0, 3), (0, 1, 3), (0, 2, 3), (1, 0, 1),
    ]  # fmt: skip
    assert found[1:3] == list(new)
    assert found[3] == second


def test_many_parts_are_all_there(store: KeyStore) -> None:
    subjects = [Subject(f"acme/r{number}", private=False) for number in range(1203)]
    with store.begin() as connection:
        scan = scans.create(connection, subjects, source="paths", title="list", at=store.clock())
    assert [part.subject for part in read(store, scan)] == [one.name for one in subjects]


def test_old_scans_are_forgotten(store: KeyStore, scan: scans.Scan, clock) -> None:
    with store.begin() as connection:
        assert scans.forget(connection, store.clock()) == 0
    clock.advance(timedelta(days=31))
    with store.begin() as connection:
        assert scans.forget(connection, store.clock()) == 1
        assert scans.get(connection, scan.id) is None
    assert read(store, scan) == []
