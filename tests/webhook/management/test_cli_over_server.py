"""The command line does to a server what it does to a database; the API has all that it has."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
from click.testing import CliRunner, Result

from keyfuse_rules import Secret
from keyfuse_scanner.cli import keyfuse
from keyfuse_store import KeyStore
from keyfuse_store.evidence import Evidence
from keyfuse_store.settings import Settings
from keyfuse_webhook.management.api import OPERATIONS
from support.leaking import record_leak
from support.service import running_service, service_environment

pytestmark = pytest.mark.shows_key

# What each operation of the API is on the command line.
SAME = {
    "listKeys": {"keys list"},
    "issueKey": {"keys issue"},
    "importKeys": {"keys import"},
    "showKey": {"keys show"},
    "changeKey": {"keys change", "keys rename", "keys scopes", "keys expiry"},
    "rotateKey": {"keys rotate"},
    "revokeKey": {"keys revoke"},
    "suspendKey": {"keys suspend"},
    "resumeKey": {"keys resume"},
    "showUsage": {"keys usage"},
    "listOwners": {"owners list"},
    "addOwner": {"owners add"},
    "showOwner": {"owners show"},
    "listLeaks": {"leaks list"},
    "showLeak": {"leaks show"},
    "listEntries": {"audit show"},
    "exportEntries": {"audit export"},
    "verifyEntries": {"audit verify"},
    "listJobs": {"jobs list"},
    "showJob": {"jobs show"},
    "retryJob": {"jobs retry"},
}
# /v1/verify is older than the management API, and no part of it.
BESIDE = {"keys verify"}


class Server(NamedTuple):
    """A running service, the store that it stands on, and where it is."""

    address: str
    store: KeyStore
    home: Path
    token: Secret


def commands() -> dict[str, click.Command]:
    found = {}
    for name in ("keys", "owners", "leaks", "audit", "jobs"):
        group = keyfuse.get_command(click.Context(keyfuse), name)
        assert isinstance(group, click.Group)
        found |= {f"{name} {one}": command for one, command in group.commands.items()}
    return found


def test_api_and_command_line_cover_the_same() -> None:
    assert {operation.name for operation in OPERATIONS} == set(SAME)
    covered = {command for some in SAME.values() for command in some}
    assert covered | BESIDE == set(commands())


def test_every_one_of_these_commands_takes_a_server_and_never_a_key() -> None:
    for name, command in commands().items():
        options = {option for parameter in command.params for option in parameter.opts}
        assert "--server" in options, name
        assert not options & {"--key", "--token", "--api-key"}, name


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("planted-server")
    home = folder / "home"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = service_environment(home)
    with KeyStore.open(settings=Settings.load({"KEYFUSE_HOME": str(home)})) as store:
        issued = store.issue(
            prefix="keyfuse_root", owner="root@example.com", scopes=["keyfuse:admin"], admin=True
        )
        with running_service(port, environment, folder / "log"):
            yield Server(f"http://127.0.0.1:{port}", store, home, issued.token)


@pytest.fixture
def run(server: Server) -> Callable[..., Result]:
    def start(*words: str, typed: str | None = None, code: int = 0) -> Result:
        environ = {"KEYFUSE_API_KEY": server.token.reveal(), "KEYFUSE_HOME": "/nonexistent"}
        found = CliRunner().invoke(
            keyfuse, [*words, "--server", server.address], input=typed, env=environ
        )
        assert found.exit_code == code, found.output
        return found

    return start


@pytest.fixture
def here(server: Server) -> Callable[..., Any]:
    def start(*words: str) -> Any:
        environ = {"KEYFUSE_HOME": str(server.home)}
        return json.loads(CliRunner().invoke(keyfuse, [*words, "--json"], env=environ).stdout)

    return start


def test_what_is_done_over_a_server_is_done(
    server: Server, run: Callable[..., Result], here: Callable[..., Any]
) -> None:
    words = ["--prefix", "acme_live", "--owner", "o@example.com", "--name", "ci"]
    words += ["--scope", "a:b", "--expires", "90d", "--rate", "5/minute", "--meta", '{"a": 1}']
    made = json.loads(run("keys", "issue", *words, "--json").stdout)
    key_id, token = made["id"], made["key"]
    assert {name: made[name] for name in made if name != "key"} == here("keys", "show", key_id)
    assert run("keys", "verify", typed=token).stdout == "valid\n"
    verdict = json.loads(run("keys", "verify", "--json", typed=token).stdout)
    assert (verdict["code"], verdict["key"]["id"]) == ("valid", key_id)
    assert run("keys", "verify", "--scope", "c:d", typed=token, code=1).stdout == (
        "insufficient_scope\n"
    )
    run("keys", "rename", key_id, "nightly")
    run("keys", "scopes", key_id, "--scope", "c:d")
    run("keys", "expiry", key_id, "never")
    run("keys", "change", key_id, "--rate", "none", "--quota", "9/day", "--address", "10.0.0.0/8")
    run("keys", "suspend", key_id, "--reason", "test")
    key = server.store.get(key_id)
    assert (key.name, key.scopes, key.expires, key.state) == (
        "nightly",
        ("c:d",),
        None,
        "suspended",
    )
    assert (key.rate_limit, key.quota, key.addresses) == (None, "9/day", ("10.0.0.0/8",))
    run("keys", "resume", key_id)
    rotated = json.loads(run("keys", "rotate", key_id, "--overlap", "1h", "--json").stdout)
    assert rotated["predecessor"]["successor_id"] == rotated["id"]
    run("keys", "revoke", key_id, "--reason", "done", "--evidence", '{"ticket": 7}')
    assert server.store.get(key_id).revoke_evidence == {"ticket": 7}
    run("owners", "add", "new@example.com", "--name", "New")
    assert server.store.owner("new@example.com").name == "New"
    entry = server.store.entries(newest_first=True, limit=1)[0]
    assert entry.actor.startswith("key:")


def test_what_is_read_over_a_server_is_what_is_read_here(
    server: Server, run: Callable[..., Result], here: Callable[..., Any]
) -> None:
    issued = server.store.issue(prefix="acme_test", owner="reader@example.com")
    record_leak(server.store, issued, Evidence("report", "possession", "a forum"))
    server.store.verify(issued.token)
    server.store.flush()
    key_id = issued.key.id
    for words in (
        ("keys", "list", "--prefix", "acme_test"),
        ("keys", "list", "--limit", "1"),
        ("keys", "show", key_id),
        ("keys", "usage", key_id),
        ("owners", "list"),
        ("owners", "show", "reader@example.com"),
        ("leaks", "list", "--state", "open"),
        ("leaks", "show", key_id),
        ("audit", "show", "--subject", key_id),
        ("audit", "show", "--limit", "2", "--after", "1"),
        ("audit", "verify"),
        ("jobs", "list"),
    ):
        assert json.loads(run(*words, "--json").stdout) == here(*words), words
        assert run(*words).stdout


def test_the_record_is_exported_over_a_server_as_it_is_here(
    server: Server, run: Callable[..., Result], tmp_path: Path
) -> None:
    file = tmp_path / "record.jsonl"
    run("audit", "export", "--output", str(file))
    assert file.read_text("utf-8").splitlines() == [
        line for line, _ in server.store.export_record()
    ]


def test_a_refusal_is_one_line_and_exit_2(server: Server, run: Callable[..., Result]) -> None:
    for words, said in (
        (("keys", "show", "0000000000"), "no key has the id"),
        (("owners", "show", "nobody@example.com"), "no owner"),
        (("leaks", "show", "0000000000"), "no such incident"),
        (("jobs", "show", "none"), "404"),
        (("jobs", "retry", "none"), "404"),
        (("keys", "list", "--database-url", "sqlite:///x.db"), "either this or"),
    ):
        found = run(*words, code=2)
        assert said in found.stderr
        assert len(found.stderr.splitlines()) == 1


def test_keys_are_imported_over_a_server_or_their_lines_are_named(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    file = tmp_path / "old.jsonl"
    line = {"hash": "00" * 32, "owner": "o@example.com", "prefix": "acme_old"}
    file.write_text(f"\nnonsense\n{json.dumps(line)}\n")
    found = run("keys", "import", str(file), code=2)
    assert "line 2: line: is no JSON" in found.stderr
    assert "line 3: prefix: its [[key_types]] entry has no legacy" in found.stderr
    assert "nothing was imported" in found.stderr


@pytest.mark.parametrize("content", [None, "", "\n", "ü"])
def test_without_a_key_no_server_is_asked(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content)
    environ = {"KEYFUSE_API_KEY_FILE": str(file)}
    words = ["keys", "list", "--server", "http://127.0.0.1:1"]
    found = CliRunner().invoke(keyfuse, words, env=environ)
    assert found.exit_code == 2
    assert "KEYFUSE_API_KEY" in found.stderr


def test_the_key_may_stand_in_a_file(server: Server, planted: Path) -> None:
    file = planted / "key"
    file.write_text(server.token.reveal() + "\n")
    environ = {"KEYFUSE_API_KEY_FILE": str(file)}
    words = ["owners", "list", "--server", server.address]
    assert CliRunner().invoke(keyfuse, words, env=environ).exit_code == 0
