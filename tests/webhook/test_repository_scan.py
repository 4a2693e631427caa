"""The job of a part of a large scan: one repository, scanned once, whatever breaks off."""

import asyncio

import pytest

from keyfuse_store import scans
from keyfuse_store.evidence import evidence_of
from keyfuse_store.leaks import for_key
from keyfuse_store.scans import Subject
from keyfuse_webhook import repository_scan
from keyfuse_webhook.jobs_model import TryAgain
from keyfuse_webhook.mirrors import Mirrors
from keyfuse_webhook.repository_scan import RepositoryScans, part_job
from keyfuse_webhook.scan_org import Listing, begin
from keyfuse_webhook.scan_result import gathered
from support.hunt import holds_key
from support.keys import make_key


class Scans:
    """The parts of one scan, run by hand."""

    def __init__(self, service, listing, *, kills=True, **options):
        self.store = service.store
        self.waiting = []
        enqueue = lambda _, job: self.waiting.append(job)  # noqa: E731 - as an argument
        mirrors = Mirrors(self.store.settings.home / "scan-mirrors")
        self.runner = RepositoryScans(self.store, enqueue, mirrors, lambda _: None, **options)
        self.scan = begin(self.store, enqueue, listing, kills=kills)

    def run_all(self):
        outcomes = []
        while self.waiting:
            job = self.waiting.pop(0)
            if job.kind == repository_scan.SCAN:
                outcomes.append(asyncio.run(self.runner.handler().attempt(job)))
        return outcomes

    def results(self):
        with self.store.read() as connection:
            return list(gathered(scans.parts(connection, self.scan.id)))

    def progress(self):
        with self.store.read() as connection:
            return scans.progress(connection, self.scan.id)


@pytest.fixture
def scanning(settings, open_service, server):
    def start(*subjects, config="", source="github", kills=True, **options):
        service = open_service(settings(config, KEYFUSE_GITHUB_SERVER_URL=server.url))
        listed = [Subject(name, private=private) for name, private in subjects]
        started = Scans(service, Listing(source, "acme", "", listed), kills=kills, **options)
        return service, started

    return start


def test_a_repository_is_fetched_scanned_and_its_keys_die(scanning, remote, server):
    service, started = scanning(("acme/app", False))
    issued = service.issue()
    leak = remote.commit("a leak", b_txt=f"\nK={issued.token.reveal()}\n")
    remote.commit("taken back", b_txt="clean")
    remote.push()
    (outcome,) = started.run_all()
    assert (outcome.state, outcome.reason) == ("done", "1 findings")
    assert service.state(issued) == "revoked"
    (scanned,) = started.results()
    (finding,) = scanned.result.findings
    assert (finding.path, finding.line, finding.commit) == ("b.txt", 2, leak)
    assert finding.key_id == issued.key.id
    assert scanned.result.complete
    with service.store.read() as connection:
        (kept,) = evidence_of(connection, for_key(connection, issued.key.id).id)
        stored = connection.exec_driver_sql("SELECT result FROM kf_scan_parts").scalar()
    assert kept.evidence.url == f"{server.url}/acme/app/blob/{leak}/b.txt#L2"
    assert not holds_key(stored.encode())


def test_keys_in_test_files_and_behind_comments_die_too(scanning, remote):
    service, started = scanning(("acme/app", False))
    issued = service.issue()
    remote.commit("x", example_py=f"# example\nK='{issued.token.reveal()}' # keyfuse:allow test\n")
    remote.push()
    started.run_all()
    assert service.state(issued) == "revoked"


def test_all_kinds_of_secrets_are_reported_and_only_ours_are_touched(scanning, remote):
    _, started = scanning(("acme/app", False))
    other = make_key("other_live", 3)
    remote.commit("x", b_txt=f"{other.reveal()}\nAWS={'AKIA'}{'Z7Q2M4N6P3R5T7W2'}\n")
    remote.push()
    started.run_all()
    (scanned,) = started.results()
    assert {finding.rule for finding in scanned.result.findings} >= {"keyfuse-key"}


def test_report_only_touches_nothing_and_a_private_policy_holds(scanning, remote):
    service, started = scanning(("acme/app", False), kills=False)
    issued = service.issue()
    remote.commit("x", b_txt=issued.token.reveal())
    remote.push()
    started.run_all()
    assert service.state(issued) == "active"
    policy = '[[key_types]]\nprefix = "acme_live"\non_leak_private = "notify"\n'
    service, started = scanning(("acme/app", True), config=policy)
    started.run_all()
    assert service.state(issued) == "active"


def test_a_part_done_again_changes_nothing(scanning, remote):
    _, started = scanning(("acme/app", False))
    job = started.waiting[0]
    started.run_all()
    before = started.results()
    assert started.runner.run(job).reason == "it was scanned before"
    assert started.results() == before
    gone = part_job(scans.Part("scan_x", 0, 0, 1, "a/b", False, "waiting", None, None))
    assert started.runner.run(gone).reason == "nobody wants to know any more"


def test_what_is_gone_fails_once_and_the_others_are_scanned(scanning, remote):
    _, started = scanning(("acme/gone", False), ("acme/app", False), ("--x/y", False))
    assert [outcome.state for outcome in started.run_all()] == ["failed", "done", "failed"]
    assert started.progress() == (0, 1, 2, 0)
    gone, scanned, _ = started.results()
    assert "gone or cannot be read" in gone.result.errors[0].message
    assert scanned.result.complete


def test_a_failed_part_that_is_run_again_is_mended(scanning, remote, server):
    _, started = scanning(("acme/app", False))
    job = started.waiting[0]
    server.status = 404
    assert started.runner.run(job).state == "failed"
    server.status = None
    assert started.runner.run(job).state == "done"
    assert started.progress() == (0, 1, 0, 0)


def test_an_outage_passes_and_a_damaged_mirror_is_made_anew(scanning, remote, server):
    _, started = scanning(("acme/app", False))
    job = started.waiting[0]
    server.status = 503
    with pytest.raises(TryAgain):
        started.runner.run(job)
    server.status = None
    assert started.runner.run(job).state == "done"


def test_what_nobody_can_fetch_is_given_up_and_may_be_tried_once_more(scanning, remote, server):
    _, started = scanning(("acme/app", False))
    job = started.waiting[0]
    server.status = 503
    for _ in range(7):
        with pytest.raises(TryAgain):
            started.runner.run(job)
    outcome = started.runner.run(job)
    assert (outcome.state, "cannot be fetched" in outcome.reason) == ("failed", True)
    server.status = None
    assert started.runner.run(job).state == "done"


def test_all_branches_and_tags_are_looked_into_as_long_as_they_are_there(scanning, remote):
    _, started = scanning(("acme/app", False))
    remote.git("checkout", "-q", "-b", "topic")
    remote.commit("x", b_txt=make_key(seed=5).reveal())
    remote.git("tag", "-a", "-m", make_key(seed=6).reveal(), "v1")
    remote.push("topic", "v1")
    started.run_all()
    (scanned,) = started.results()
    assert {finding.place for finding in scanned.result.findings} == {"file", "tag-message"}
    remote.git("push", "-q", "--delete", "origin", "topic", "v1")
    _, started = scanning(("acme/app", False))
    started.run_all()
    (scanned,) = started.results()
    assert {finding.place for finding in scanned.result.findings} == {"unreachable", "tag-message"}
    assert all(finding.commit is None for finding in scanned.result.findings)


def test_a_large_repository_is_split_and_put_together_again(scanning, remote):
    keys = [make_key(seed=number).reveal() for number in range(30)]
    for number, key in enumerate(keys):
        remote.commit(f"change {key if number % 5 == 0 else ''}", b_txt=f"{number}\n{key}\n")
    remote.push()
    _, one = scanning(("acme/app", False))
    one.run_all()
    _, many = scanning(("acme/app", False), shard_objects=20)
    first = many.waiting[0]
    outcomes = many.run_all()
    assert len(outcomes) == 5
    assert {outcome.state for outcome in outcomes} == {"done"}
    assert many.runner.run(first).reason == "it was scanned before"
    (whole,), (together,) = one.results(), many.results()
    assert together.result.findings == whole.result.findings
    assert len(whole.result.findings) == 36
    assert together.result.objects == whole.result.objects


def test_a_split_that_broke_off_is_made_once(scanning, remote):
    for number in range(10):
        remote.commit("change", b_txt=str(number))
    remote.push()
    _, started = scanning(("acme/app", False), shard_objects=10)
    first = started.waiting[0]
    started.runner.run(first)
    new = [job.id for job in started.waiting if job.kind == repository_scan.SCAN]
    with started.store.begin() as connection:
        part = scans.part(connection, started.scan.id, 0, 0)
        connection.exec_driver_sql("UPDATE kf_scan_parts SET state = 'waiting' WHERE shard = 0")
    assert part.shards == 4
    started.runner.run(first)
    assert len(new) == len(set(new)) == 4
    assert [job.id for job in started.waiting if job.kind == repository_scan.SCAN] == new


def test_paths_are_scanned_where_they_are(scanning, remote, planted):
    (planted / "nothing").mkdir()
    subjects = [(str(remote.bare), True), (str(planted / "nothing"), True), ("/nowhere", True)]
    service, started = scanning(*subjects, source="paths")
    issued = service.issue()
    remote.commit("x", b_txt=issued.token.reveal())
    remote.push()
    assert [outcome.state for outcome in started.run_all()] == ["done", "failed", "failed"]
    assert service.state(issued) == "revoked"
    with service.store.read() as connection:
        (kept,) = evidence_of(connection, for_key(connection, issued.key.id).id)
    assert kept.evidence.url == f"{remote.bare}:b.txt:1"


def test_an_empty_repository_is_clean(scanning, server):
    server.repository("acme/empty")
    _, started = scanning(("acme/empty", False))
    assert [outcome.reason for outcome in started.run_all()] == ["0 findings"]
