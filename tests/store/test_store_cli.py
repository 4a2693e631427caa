"""The commands of the store, as people and programs run them."""

import json
import shlex
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from keyfuse_store import cli, revisions
from support.keys import make_key

KEY = ["issue", "--prefix", "acme_live", "--owner", "owner@example.com", "--name", "ci"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEYFUSE_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


def run(group: click.Group, *arguments: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(group, arguments, input=stdin)


def issue(*more: str) -> dict[str, object]:
    result = run(cli.keys, *KEY, *more, "--json")
    assert result.exit_code == 0, result.stderr
    answer: dict[str, object] = json.loads(result.stdout)
    return answer


def test_issuing_prints_the_key_alone_on_standard_output(data: Path) -> None:
    result = run(
        cli.keys, *KEY, "--scope", "invoices:read", "--expires", "90d", "--rate", "100/minute",
        "--quota", "10000/month", "--meta", '{"team": "blue"}', "--address", "203.0.113.0/24",
    )  # fmt: skip
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    assert "only now" in result.stderr
    verified = run(
        cli.keys, "verify", "--scope", "invoices:read", "--address", "203.0.113.1",
        stdin=result.stdout,
    )  # fmt: skip
    assert (verified.stdout, verified.exit_code) == ("valid\n", 0)


def test_the_life_of_a_key(data: Path) -> None:
    answer = issue("--expires", "2099-01-31", "--not-before", "2098-01-01T00:00Z")
    key_id = str(answer["id"])
    assert (answer["expires"], answer["not_before"]) == (
        "2099-01-31T00:00:00Z",
        "2098-01-01T00:00:00Z",
    )
    token = str(answer["key"])
    assert run(cli.keys, "verify", stdin=token).stdout == "not_yet_valid\n"
    shown = run(cli.keys, "show", key_id)
    assert "acme_live" in shown.stdout
    assert json.loads(run(cli.keys, "show", key_id, "--json").stdout)["id"] == key_id
    revoked = run(cli.keys, "revoke", key_id, "--reason", "lost")
    assert f"key {key_id} is revoked since" in revoked.stdout
    again = json.loads(run(cli.keys, "revoke", key_id, "--json").stdout)
    assert (again["state"], again["revoke_reason"]) == ("revoked", "lost")
    verified = run(cli.keys, "verify", "--json", stdin=f"  {token}\n")
    assert verified.exit_code == 1
    assert json.loads(verified.stdout)["code"] == "revoked"


def test_management_keys(data: Path) -> None:
    admin = run(cli.keys, "issue", "--admin", "--owner", "a@example.com", "--json")
    answer = json.loads(admin.stdout)
    assert (answer["prefix"], answer["scopes"]) == ("keyfuse_root", ["keyfuse:admin"])
    result = run(cli.keys, "verify", "--any-of", "keyfuse:keys.read", stdin=answer["key"])
    assert result.exit_code == 0


@pytest.mark.parametrize("stdin", [b"", b"x" * 100_000, b"\xff\xfe\x00", "Schlüssel".encode()])
def test_what_is_no_key_is_malformed(data: Path, stdin: bytes) -> None:
    result = run(cli.keys, "verify", stdin=stdin)
    assert (result.stdout, result.exit_code) == ("malformed\n", 1)


def test_lists_and_pages(data: Path) -> None:
    assert run(cli.keys, "list").stdout.split() == [
        "ID", "PREFIX", "STATE", "OWNER", "NAME", "SCOPES", "EXPIRES",
    ]  # fmt: skip
    ids = [str(issue()["id"]) for _ in range(3)]
    page = json.loads(run(cli.keys, "list", "--limit", "2", "--json").stdout)
    rest = json.loads(run(cli.keys, "list", "--after", page["next"], "--json").stdout)
    assert [key["id"] for key in page["keys"] + rest["keys"]] == ids
    assert rest["next"] is None
    table = run(cli.keys, "list", "--limit", "2", "--owner", "owner@example.com")
    assert ids[0] in table.stdout
    assert f"--after {ids[1]}" in table.stderr
    issue("--expires", "90d")
    assert "-" in run(cli.keys, "list", "--state", "active", "--prefix", "acme_live").stdout


def test_owners(data: Path) -> None:
    added = json.loads(run(cli.owners, "add", "b@example.com", "--name", "B", "--json").stdout)
    assert run(cli.owners, "add", "a@example.com").exit_code == 0
    assert run(cli.owners, "show", "B@example.com").stdout.startswith("id ")
    assert json.loads(run(cli.owners, "show", added["id"], "--json").stdout) == added
    listed = json.loads(run(cli.owners, "list", "--json").stdout)
    assert [owner["email"] for owner in listed["owners"]] == ["a@example.com", "b@example.com"]
    assert "there may be more" in run(cli.owners, "list", "--limit", "1").stderr
    assert "b@example.com" in run(cli.owners, "list").stdout


@pytest.mark.parametrize(
    ("group", "arguments", "message"),
    [
        (cli.keys, ["issue", "--owner", "a@example.com"], "--prefix"),
        (cli.keys, ["issue", "--prefix", "ghp", "--owner", "a@example.com"], "prefix: 'ghp_'"),
        (cli.keys, [*KEY, "--expires", "soon"], "expires: must be a date"),
        (cli.keys, [*KEY, "--meta", "{"], "meta: must be a JSON object"),
        (cli.keys, [*KEY, "--meta", "[]"], "meta: must be a JSON object"),
        (cli.keys, ["show", "0123456789"], "no key has the id 0123456789"),
        (cli.owners, ["show", "none@example.com"], "no owner is called none@example.com"),
        (cli.owners, ["add", "none"], "owner: must be a mail address"),
        (cli.keys, ["list", "--config", "none.toml"], "none.toml cannot be read"),
        (cli.keys, ["list", "--database-url", "odd"], "database_url: must be a URL"),
    ],
)
def test_a_refusal_is_one_line_and_exit_2(
    data: Path, group: click.Group, arguments: list[str], message: str
) -> None:
    result = run(group, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_a_key_in_the_arguments_is_not_repeated(data: Path) -> None:
    token = make_key().reveal()
    for arguments in (
        ["show", token],
        ["revoke", token],
        ["issue", "--prefix", token],
        ["list", "--config", token],
    ):
        result = run(cli.keys, *arguments)
        assert result.exit_code == 2, arguments[0]
        assert token not in result.output, arguments[0]
        assert token[-38:-6] not in result.output, arguments[0]


def test_use_is_looked_back_for_as_far_as_one_likes(data: Path) -> None:
    key_id = issue()["id"]
    assert run(cli.keys, "usage", key_id, "--since", "999999d").exit_code == 0
    refused = run(cli.keys, "usage", key_id, "--since", "999999999999d")
    assert (refused.exit_code, refused.stderr.strip()) == (
        2,
        "keyfuse: since: is too long",
    )


def test_a_database_that_is_upgraded_and_healthy(data: Path) -> None:
    first = json.loads(run(cli.db, "upgrade", "--json").stdout)
    assert (first["from"], first["to"]) == (None, revisions.REVISIONS[-1])
    assert revisions.REVISIONS[-1] in run(cli.db, "upgrade").stdout
    issue()
    result = run(cli.db, "check", "--json")
    assert (result.exit_code, json.loads(result.stdout)["ok"]) == (0, True)
    assert "none" in run(cli.db, "check").stdout


def test_a_check_lists_lost_peppers_and_broken_records(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue()
    database = sqlite3.connect(data / "keyfuse.db")
    database.execute("UPDATE kf_keys SET pepper_version = 7")
    database.execute("UPDATE kf_audit SET actor = 'x' WHERE seq = 2")
    database.commit()
    database.close()
    result = run(cli.db, "check", "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert answer["lost_peppers"] == {"7": 1}
    assert len(answer["problems"]) == 2
    assert "pepper 7" in run(cli.db, "check").stdout


def test_a_check_makes_no_database(data: Path) -> None:
    result = run(cli.db, "check")
    assert result.exit_code == 2
    assert "is gone" in result.stderr
    assert not (data / "keyfuse.db").exists()


def test_a_damaged_file_is_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from keyfuse_store import health

    issue()
    monkeypatch.setattr(health, "_damage", lambda _: "row 3 missing from index")
    assert "row 3 missing" in run(cli.db, "check").stdout


def test_through_the_console_script(data: Path) -> None:
    keyfuse = Path(sys.executable).with_name("keyfuse")
    answer = subprocess.run(
        [keyfuse, "keys", *KEY, "--json"], check=True, capture_output=True, text=True
    )
    token = json.loads(answer.stdout)["key"]
    verified = subprocess.run(
        [keyfuse, "keys", "verify"], input=token, check=False, capture_output=True, text=True
    )
    assert (verified.stdout, verified.stderr, verified.returncode) == ("valid\n", "", 0)
    refused = subprocess.run(
        [keyfuse, "keys", "show", "0123456789"], check=False, capture_output=True, text=True
    )
    assert (refused.stdout, refused.returncode) == ("", 2)
    assert refused.stderr.count("\n") == 1


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_in_a_pipe_with_jq(data: Path) -> None:
    keyfuse = Path(sys.executable).with_name("keyfuse")
    pipe = f"{keyfuse} keys {shlex.join(KEY)} --json | jq -r .key | {keyfuse} keys verify"
    done = subprocess.run(["sh", "-c", pipe], check=False, capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("valid\n", "", 0)


def test_a_user_without_a_name_is_still_an_actor(monkeypatch: pytest.MonkeyPatch) -> None:
    from keyfuse_store.cli import shell

    def nobody() -> str:
        raise KeyError("uid not found")

    assert shell.actor().startswith("cli:")
    monkeypatch.setattr(shell.getpass, "getuser", nobody)
    assert shell.actor() == "cli"
