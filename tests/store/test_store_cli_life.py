"""The commands of a key's life and of the audit record, as people and programs run them."""

import hashlib
import json
import secrets
import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from keyfuse_store import cli
from support.keys import make_key

KEY = ["issue", "--prefix", "acme_live", "--owner", "owner@example.com", "--name", "ci"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEYFUSE_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


def run(group: click.Group, *arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(group, arguments, input=stdin)


def answer(group: click.Group, *arguments: str, stdin: str = "") -> dict[str, object]:
    result = run(group, *arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.stderr
    found: dict[str, object] = json.loads(result.stdout)
    return found


def code(token: object) -> str:
    return run(cli.keys, "verify", stdin=str(token)).stdout.strip()


def test_rotating(data: Path) -> None:
    old = answer(cli.keys, *KEY)
    new = answer(cli.keys, "rotate", str(old["id"]), "--overlap", "2h", "--expires", "90d")
    assert (code(old["key"]), code(new["key"])) == ("valid", "valid")
    assert new["predecessor_id"] == old["id"]
    assert new["predecessor"]["successor_id"] == new["id"]
    result = run(cli.keys, "rotate", str(new["id"]), "--overlap", "0")
    assert result.stdout.count("\n") == 1
    assert f"takes over from {new['id']}, which is valid until" in result.stderr
    assert (code(new["key"]), code(result.stdout)) == ("expired", "valid")


def test_suspending_resuming_and_revoking(data: Path) -> None:
    key = answer(cli.keys, *KEY)
    key_id = str(key["id"])
    assert run(cli.keys, "suspend", key_id).stdout == f"key {key_id} is suspended\n"
    assert code(key["key"]) == "suspended"
    assert answer(cli.keys, "resume", key_id)["state"] == "active"
    assert run(cli.keys, "resume", key_id).stdout == f"key {key_id} is active\n"
    assert answer(cli.keys, "suspend", key_id, "--reason", "pause")["state"] == "suspended"
    dead = answer(cli.keys, "revoke", key_id, "--reason", "lost", "--evidence", '{"ticket": 7}')
    assert (dead["state"], dead["revoke_evidence"]) == ("revoked", {"ticket": 7})
    assert run(cli.keys, "resume", key_id).exit_code == 2


def test_changing(data: Path) -> None:
    key = answer(cli.keys, *KEY)
    key_id = str(key["id"])
    assert answer(cli.keys, "rename", key_id, "nightly")["name"] == "nightly"
    scoped = answer(cli.keys, "scopes", key_id, "--scope", "a:b", "--scope", "c:*@d")
    assert scoped["scopes"] == ["a:b", "c:*@d"]
    assert answer(cli.keys, "scopes", key_id, "--none")["scopes"] == []
    assert answer(cli.keys, "expiry", key_id, "2099-01-31")["expires"] == "2099-01-31T00:00:00Z"
    assert answer(cli.keys, "expiry", key_id, "never")["expires"] is None
    assert "expires" in run(cli.keys, "expiry", key_id, "30d").stdout
    assert [key["id"] for key in answer(cli.keys, "list", "--search", "night")["keys"]] == [key_id]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rotate", "0123456789"], "no key has the id"),
        (["rotate", "0123456789", "--overlap", "long"], "overlap: must be"),
        (["revoke", "0123456789", "--evidence", "[]"], "evidence: must be a JSON object"),
        (["scopes", "0123456789"], "--scope, or --none"),
        (["scopes", "0123456789", "--none", "--scope", "a:b"], "--scope, or --none"),
        (["rename", "0123456789", "x"], "no key has the id"),
        (["expiry", "0123456789", "soon"], "expires: must be a date"),
        (["list", "--search", ""], "search: must not be empty"),
        (["import", "none.jsonl"], "file: cannot be read"),
    ],
)
def test_a_refusal_is_one_line_and_exit_2(data: Path, arguments: list[str], message: str) -> None:
    result = run(cli.keys, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_key_in_the_arguments_is_not_repeated(data: Path) -> None:
    token = make_key().reveal()
    for arguments in (["rotate", token], ["suspend", token], ["rename", token, "x"]):
        result = run(cli.keys, *arguments)
        assert result.exit_code == 2
        assert token not in result.output


@pytest.fixture
def legacy(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "service.toml"
    file.write_text(
        "[[key_types]]\nprefix = 'acme_live'\n"
        "legacy = {pattern = 'ak_[0-9a-f]{40}', hash = 'sha256'}\n"
    )
    monkeypatch.setenv("KEYFUSE_CONFIG", str(file))


def line(token: str, **more: object) -> str:
    return json.dumps({"hash": hashlib.sha256(token.encode()).hexdigest(), **more}) + "\n"


def test_importing_keys_from_before(legacy: None, tmp_path: Path) -> None:
    tokens = [f"ak_{secrets.token_hex(20)}" for _ in range(3)]
    file = tmp_path / "old.jsonl"
    file.write_text(
        line(tokens[0], owner="a@example.com", name="one", scopes=["a:b"], meta={"id": 7})
        + "\n"
        + line(tokens[1], created="2020-01-31", expires="2099-01-31", rate_limit="5/minute")
    )
    adopted = answer(
        cli.keys, "import", str(file), "--prefix", "acme_live", "--owner", "b@example.com"
    )
    assert (len(adopted["added"]), adopted["known"]) == (2, 0)
    assert [code(token) for token in tokens] == ["valid", "valid", "unknown"]
    first, second = (answer(cli.keys, "show", key_id) for key_id in adopted["added"])
    assert (first["owner"], first["name"], first["legacy"]) == ("a@example.com", "one", "sha256")
    assert (second["owner"], second["created"]) == ("b@example.com", "2020-01-31T00:00:00Z")
    result = run(
        cli.keys, "import", "-", stdin=line(tokens[2], owner="a@example.com", prefix="acme_live")
    )
    assert result.stdout == "1 imported, 0 known already\n"
    rotated = answer(cli.keys, "rotate", str(first["id"]))
    assert (code(rotated["key"]), code(tokens[0])) == ("valid", "valid")


def test_a_bad_line_imports_nothing(legacy: None) -> None:
    token = f"ak_{secrets.token_hex(20)}"
    good = line(token, owner="a@example.com", prefix="acme_live")
    bad = [
        "{\n",
        "[]\n",
        line(token, prefix="acme_live"),
        line(token, owner="a@example.com"),
        line(token, owner="a@example.com", prefix="acme_live", colour="red"),
        line(token, owner=["x"], prefix="acme_live"),
        line(token, owner="a@example.com", prefix="acme_live", created=7),
        line(token, owner="a@example.com", prefix="acme_live", created="soon"),
        line(token, owner="a@example.com", prefix="acme_live", meta=7),
        line(token, owner="a@example.com", prefix="acme_test"),
        json.dumps({"hash": token, "owner": "a@example.com", "prefix": "acme_live"}) + "\n",
        json.dumps({"owner": "a@example.com", "prefix": "acme_live"}) + "\n",
        "x" * 70_000 + "\n",
    ]
    result = run(cli.keys, "import", "-", stdin=good + "".join(bad))
    assert (result.exit_code, result.stdout) == (2, "")
    assert token not in result.stderr
    shown = result.stderr.splitlines()
    assert [text.split(":")[1].strip() for text in shown[:-1]] == [
        f"line {number}" for number in range(2, len(bad) + 2)
    ]
    assert shown[-1] == "keyfuse: nothing was imported"
    assert answer(cli.keys, "list")["keys"] == []
    many = run(cli.keys, "import", "-", stdin="x\n" * 50)
    assert "and 30 more lines" in many.stderr


def test_showing_the_record(data: Path) -> None:
    key_id = str(answer(cli.keys, *KEY)["id"])
    run(cli.keys, "revoke", key_id)
    entries = answer(cli.audit, "show")["entries"]
    assert [entry["action"] for entry in entries] == ["owner.added", "key.issued", "key.revoked"]
    for arguments, count in [
        (["--subject", key_id], 2),
        (["--action", "key.revoked"], 1),
        (["--actor", entries[0]["actor"]], 3),
        (["--actor", "nobody"], 0),
        (["--since", "2099-01-31"], 0),
        (["--since", "2020-01-31", "--after", "1"], 2),
    ]:
        assert len(answer(cli.audit, "show", *arguments)["entries"]) == count
    table = run(cli.audit, "show", "--limit", "2")
    assert "key.issued" in table.stdout
    assert "--after 2" in table.stderr
    assert "there may be more" not in run(cli.audit, "show").stderr
    assert run(cli.audit, "show", "--since", "soon").exit_code == 2


def test_verifying_the_record_where_it_is(data: Path) -> None:
    answer(cli.keys, *KEY)
    found = answer(cli.audit, "verify")
    assert (found["ok"], found["checked"]) == (True, 2)
    answer(cli.keys, *KEY)
    assert run(cli.audit, "verify", "--head", str(found["head"])).exit_code == 0
    later = str(answer(cli.audit, "verify")["head"])
    database = sqlite3.connect(data / "keyfuse.db")
    mac = bytes.fromhex(str(found["head"]).partition(":")[2])
    database.execute("DELETE FROM kf_audit WHERE seq > 2")
    database.execute("UPDATE kf_audit_head SET seq = 2, mac = ?", (mac,))
    database.commit()
    database.close()
    assert run(cli.audit, "verify").exit_code == 0, "a cut record is a record"
    cut = run(cli.audit, "verify", "--head", later)
    assert cut.exit_code == 1
    assert "entries after 2 are missing: there were 3" in cut.stdout
    assert run(cli.audit, "verify", "--head", "odd").exit_code == 2


def test_verifying_an_exported_record(data: Path, tmp_path: Path) -> None:
    answer(cli.keys, *KEY)
    file = tmp_path / "audit.jsonl"
    written = answer(cli.audit, "export", "--output", str(file))
    assert run(cli.audit, "export").stdout == file.read_text()
    assert run(cli.audit, "export", "--output", str(file)).exit_code == 2, "never overwritten"
    (data / "keyfuse.db").unlink()
    found = answer(cli.audit, "verify", "--file", str(file), "--head", str(written["head"]))
    assert (found["ok"], found["checked"], found["head"]) == (True, 2, written["head"])
    file.write_text(file.read_text().replace("owner@example.com", "other@example.com"))
    changed = run(cli.audit, "verify", "--file", str(file))
    assert (changed.exit_code, "entry 1 is not what was written" in changed.stdout) == (1, True)
    file.write_text("{}\n")
    assert "line 1 is no audit entry" in run(cli.audit, "verify", "--file", str(file)).stderr
    assert run(cli.audit, "verify", "--file", "none").exit_code == 2
    (data / "peppers").unlink()
    assert "KEYFUSE_PEPPERS" in run(cli.audit, "verify", "--file", str(file)).stderr


def test_a_check_lists_keys_whose_pepper_is_gone(data: Path) -> None:
    ids = sorted(str(answer(cli.keys, *KEY)["id"]) for _ in range(2))
    run(cli.keys, "revoke", ids[1])
    database = sqlite3.connect(data / "keyfuse.db")
    database.execute("UPDATE kf_keys SET pepper_version = 7")
    database.commit()
    database.close()
    result = run(cli.db, "check", "--json")
    assert (result.exit_code, json.loads(result.stdout)["lost_keys"]) == (1, [ids[0]])
    assert ids[0] in run(cli.db, "check").stdout


def test_through_the_console_script(data: Path) -> None:
    keyfuse = Path(sys.executable).with_name("keyfuse")
    subprocess.run([keyfuse, "keys", *KEY], check=True, capture_output=True)
    shown = subprocess.run(
        [keyfuse, "audit", "verify", "--json"], check=True, capture_output=True, text=True
    )
    assert json.loads(shown.stdout)["checked"] == 2
