"""`keyfuse leaks`, and a scan that burns what it finds at the real service."""

import json
import subprocess
import sys

import pytest

from keyfuse_scanner.main import run
from keyfuse_store import KeyStore, leak_steps, leaks
from keyfuse_store.evidence import Evidence
from keyfuse_store.leak_steps import Step
from keyfuse_store.settings import Settings
from keyfuse_webhook.mail_sink import free_port
from keyfuse_webhook.revocation import LeakResponse, Sighting
from support.service import running_service, service_environment

URL = "https://paste.example/\u202ex"


@pytest.fixture
def keyfuse(service, monkeypatch, capsys):
    monkeypatch.setenv("KEYFUSE_HOME", str(service.store.settings.home))

    def call(*arguments):
        capsys.readouterr()
        try:
            code = run(["leaks", *arguments])
        except SystemExit as ended:
            code = ended.code
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def burned(service):
    issued = [service.issue(name=f"key {number}") for number in range(3)]
    for one in issued:
        report = {"tokens": [one.token.reveal()], "url": URL}
        assert service.request("POST", "/v1/leaks", json=report).status_code == 202
    return issued


def test_list_pages_through_all_incidents(keyfuse, burned):
    code, out, _ = keyfuse("list", "--json", "--limit", "2")
    first = json.loads(out)
    assert (code, len(first["leaks"])) == (0, 2)
    _, out, _ = keyfuse("list", "--json", "--limit", "2", "--after", first["next"])
    rest = json.loads(out)
    assert rest["next"] is None
    found = {leak["key_id"] for leak in first["leaks"] + rest["leaks"]}
    assert found == {one.key.id for one in burned}
    assert json.loads(keyfuse("list", "--json", "--state", "notified")[1])["leaks"] == []
    _, out, err = keyfuse("list", "--limit", "2")
    assert out.splitlines()[0].split()[:2] == ["ID", "KEY"]
    assert "--after" in err


def test_show_names_key_fate_and_evidence(keyfuse, burned):
    key = burned[0].key
    _, out, _ = keyfuse("show", key.id, "--json")
    shown = json.loads(out)
    assert shown["key"]["owner"] == key.owner
    assert shown["key"]["state"] == "revoked"
    (one,) = shown["evidence"]
    assert (one["from"], one["trust"], one["url"]) == ("report", "possession", URL)
    code, out, _ = keyfuse("show", shown["id"])
    assert code == 0
    assert "possession" in out
    assert "\u202e" not in out


def test_show_has_place_claim_use_and_steps(keyfuse, service):
    issued = service.issue()
    service.store.verify(issued.token)
    service.store.flush()
    place = Evidence("scan", "scan", "file", commit="c" * 40, path="a\x1b.py", line=7, claimed_us=1)
    response = LeakResponse(service.store, service.queue.enqueue)
    response.respond([Sighting(issued.key, place)], actor="scan")
    with service.store.begin() as connection:
        leak = leaks.for_key(connection, issued.key.id)
        leak_steps.note(connection, leak.id, Step("mail", "undeliverable", "550 no", 5))
    shown = json.loads(keyfuse("show", issued.key.id, "--json")[1])
    assert (shown["use"]["valid"], bool(shown["use"]["last"])) == (1, True)
    assert shown["claimed"] == shown["use"]["last"] or shown["claimed"] < shown["use"]["last"]
    assert (shown["evidence"][0]["path"], shown["evidence"][0]["line"]) == ("a\x1b.py", 7)
    assert shown["steps"][0]["detail"] == "550 no"
    _, out, _ = keyfuse("show", issued.key.id)
    assert "\x1b" not in out
    for fact in ["c" * 40, "550 no", "use_valid", "key_owner"]:
        assert fact in out


def test_show_of_nothing_exits_2(keyfuse):
    code, out, err = keyfuse("show", "leak_0")
    assert (code, out) == (2, "")
    assert err.startswith("keyfuse: there is no such incident")


def test_scan_burns_what_it_finds_at_the_real_service(tmp_path, planted):
    port, environment = free_port(), service_environment(tmp_path / "home")
    with KeyStore.open(settings=Settings.load(environment)) as store:
        issued = store.issue(prefix="acme_live", owner="owner@example.com")
        (planted / "settings.py").write_text(f"KEY = '{issued.token.reveal()}'\n")
        with running_service(port, environment, tmp_path / "log", "--no-worker"):
            command = [sys.executable, "-m", "keyfuse_scanner", "scan", str(planted), "--report-to",
                       f"http://127.0.0.1:{port}", "--report-prefix", "acme_live"]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (1, "")
        assert store.verify(issued.token).code == "revoked"
