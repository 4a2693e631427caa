"""`keyfuse github scan-org`: what is listed, what is said on the way, and the one report."""

import io
import json
import subprocess
import sys
import threading

import pytest
from click.testing import CliRunner

from keyfuse_scanner.model import Problem, ScanResult
from keyfuse_store import KeyStore, scans
from keyfuse_store.scans import Progress, Subject
from keyfuse_webhook import logs
from keyfuse_webhook.errors import InvalidSetting
from keyfuse_webhook.github_answers import ApiRefused
from keyfuse_webhook.github_api import GitHubApi
from keyfuse_webhook.github_app import GitHubApp
from keyfuse_webhook.github_cli import github
from keyfuse_webhook.scan_org import follow, list_as_app, list_as_user, list_paths
from keyfuse_webhook.scan_org_command import Line
from keyfuse_webhook.scan_result import Scanned, document, to_text, whole
from support.githttp import GitServer
from support.githubapi import StandInApi
from support.keys import make_key


@pytest.fixture
def standin():
    with StandInApi().running() as running:
        running.installations["orgs", "acme"] = 77
        yield running


@pytest.fixture
def api(standin):
    made = GitHubApi(standin.url)
    yield made
    made.close()


def listed(name, private=False):
    return {"full_name": name, "private": private}


def test_the_app_lists_what_its_installation_sees(standin, api, settings):
    standin.repositories = [listed(f"acme/r{number}", number % 2 == 0) for number in range(150)]
    standin.repositories += [listed("acme/R1"), listed("acme/../x"), listed(None),
                             listed(f"acme/{make_key(seed=1).reveal()}")]  # fmt: skip
    found = list_as_app(api, GitHubApp(settings(**standin.settings())), "acme")
    assert (found.installation, len(found.subjects), found.left_out) == ("77", 150, 3)
    assert found.subjects[0] == Subject("acme/r0", private=True)
    assert [body["permissions"] for _, body in standin.calls] == [{"metadata": "read"}]


def test_an_app_of_a_person_is_found_and_one_that_is_nowhere_is_said(standin, api, settings):
    app = GitHubApp(settings(**standin.settings()))
    standin.installations["users", "ada"] = 5
    assert list_as_app(api, app, "ada").installation == "5"
    with pytest.raises(ApiRefused, match="404"):
        list_as_app(api, app, "nobody")


def test_without_an_app_the_public_ones_are_listed(standin, api):
    standin.repositories = [listed("acme/a"), listed("acme/b", private=True)]
    assert list_as_user(api, None, "acme").subjects == [Subject("acme/a", private=False)]


def test_a_list_of_paths_is_read(tmp_path):
    file = tmp_path / "list"
    file.write_text(f"{tmp_path}\n\n  {tmp_path}  \n")
    assert list_paths(file).subjects == [Subject(str(tmp_path), private=True)]
    file.write_text("/nowhere\x1b[2J\n")
    with pytest.raises(InvalidSetting, match="no such directory") as caught:
        list_paths(file)
    assert "\x1b" not in str(caught.value)
    file.write_bytes(b"\xff")
    with pytest.raises(InvalidSetting, match="UTF-8"):
        list_paths(file)
    with pytest.raises(InvalidSetting, match="No such file"):
        list_paths(tmp_path / "none")


def test_following_tells_of_every_change_and_ends(service):
    with service.store.begin() as connection:
        scan = scans.create(connection, [Subject("a/b", False)], source="github", title="a", at=0)
    heard = []

    def hear(progress):
        heard.append(progress)
        with service.store.begin() as connection:
            part = scans.part(connection, scan.id, 0, 0)
            scans.end(connection, part, result="{}", findings=2)

    assert follow(service.store, scan.id, hear) == Progress(0, 1, 0, 2)
    assert heard == [Progress(1, 0, 0, 0), Progress(0, 1, 0, 2)]


def test_following_may_be_ended(service):
    with service.store.begin() as connection:
        scan = scans.create(connection, [Subject("a/b", False)], source="github", title="a", at=0)
    stopping = threading.Event()
    stopping.set()
    assert follow(service.store, scan.id, lambda _: None, stopping).waiting == 1


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def test_a_terminal_sees_one_line_change():
    stream = Terminal()
    line = Line(stream)
    line.show(Progress(2, 1, 0, 5))
    line.show(Progress(0, 2, 1, 5))
    line.end()
    first, last = stream.getvalue().split("\r\x1b[K")[1:]
    assert first == "1 of 3 parts scanned, 5 findings"
    assert last == "3 of 3 parts scanned, 5 findings, 1 failed\n"


def test_elsewhere_a_line_is_said_now_and_then_and_at_the_end(capsys):
    now = [0.0]
    line = Line(io.StringIO(), lambda: now[0])
    for waiting in (3, 2, 1):
        line.show(Progress(waiting, 3 - waiting, 0, 0))
    now[0] = 11.0
    line.show(Progress(1, 3, 0, 0))
    line.show(Progress(0, 4, 0, 0))
    line.end()
    said = capsys.readouterr().err.splitlines()
    assert [words.split()[1] for words in said] == ["0", "3", "4"]


def test_what_was_not_scanned_makes_the_report_incomplete():
    failed = Scanned("acme/x", ScanResult([], [Problem("not scanned: gone", None, None)], 0, 0))
    total = whole([failed], {})
    assert not total.complete
    assert total.errors == [Problem("not scanned: gone", "acme/x", None)]
    assert document([failed], "scan_1")["errors"][0]["repository"] == "acme/x"
    assert json.loads(to_text(failed.result))["errors"][0]["message"] == "not scanned: gone"


@pytest.fixture
def world(standin, planted, tmp_path, monkeypatch):
    """An organisation of two repositories, one with a key of ours; settings in the environment."""
    with GitServer(planted).running() as server:
        given = standin.settings(
            KEYFUSE_HOME=str(tmp_path / "home"), KEYFUSE_GITHUB_SERVER_URL=server.url
        )
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        with KeyStore.open(f"sqlite:///{tmp_path}/home/keyfuse.db") as store:
            issued = store.issue(prefix="acme_live", owner="owner@example.com")
            for name, text in (("acme/app", issued.token.reveal()), ("acme/site", "clean")):
                remote = server.repository(name)
                remote.commit("first", a_txt=text)
                remote.push()
                standin.repositories.append(listed(name))
            yield store, issued


def keyfuse(*arguments):
    command = [sys.executable, "-m", "keyfuse_scanner", "github", "scan-org", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_organisation_is_scanned_and_reported(world, monkeypatch):
    store, issued = world
    done = keyfuse("acme", "--json")
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert [one["repository"] for one in told["findings"]] == ["acme/app"]
    assert told["findings"][0]["path"] == "a.txt"
    assert (told["summary"]["repositories"], told["summary"]["complete"]) == (2, True)
    assert "2 of 2 parts scanned, 1 findings" in done.stderr
    assert store.get(issued.key.id).state == "revoked"
    monkeypatch.setattr(logs, "configure", lambda **_: None)
    again = ["scan-org", "--resume", told["scan"], "--no-worker"]
    assert "acme/app/a.txt" in CliRunner().invoke(github, again).stdout
    sarif = CliRunner().invoke(github, [*again, "--format", "sarif"])
    assert json.loads(sarif.stdout)["runs"][0]["results"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "give one of"),
        (["acme", "--resume", "x"], "give one of"),
        (["acme", "--json", "--format", "text"], "contradict"),
        (["../x"], "no name"),
        (["--resume", "scan_0"], "no such scan"),
        (["--path-list", "/nowhere"], "No such file"),
        (["other"], "404"),
    ],
)
def test_what_cannot_be_scanned_is_one_line_and_exit_2(world, monkeypatch, arguments, word):
    monkeypatch.setattr(logs, "configure", lambda **_: None)
    done = CliRunner().invoke(github, ["scan-org", *arguments])
    assert done.exit_code == 2
    line = done.output.splitlines()[-1]
    assert line.startswith("keyfuse: ")
    assert word in line
