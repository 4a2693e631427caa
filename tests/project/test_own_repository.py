"""keyfuse finds no token in its own repository: not in a test, a document or a commit.

Two kinds of findings are none. A guessable secret may be an example's password in a URL. And the
recipes of a rule have its shape by nature; `tests/rules` refuses token-shaped text among them.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from keyfuse_rules.pack import default_rules
from support.project import KEYFUSE, ROOT

GUESSABLE = {rule.rule_id for rule in default_rules() if rule.guessable}
RECIPES = "rules/keyfuse_rules/providers/"


def git(*arguments: str) -> list[str]:
    """Return what git lists, one entry per NUL."""
    done = subprocess.run(["git", *arguments, "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("this is no git repository")
    return [entry for entry in done.stdout.decode().split("\0") if entry]


def findings(*arguments: str, folder: Path) -> list[str]:
    """Scan and return where something was found; what could not be scanned counts as well."""
    done = subprocess.run(
        [KEYFUSE, "scan", "--format", "json", *arguments],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    report = json.loads(done.stdout)
    assert done.returncode == (1 if report["findings"] else 0)
    assert report["summary"]["complete"], report["errors"]
    return [
        f"{found['rule']} in {found['path']}:{found['line']}"
        for found in report["findings"]
        if found["rule"] not in GUESSABLE and not (found["path"] or "").startswith(RECIPES)
    ]


def test_no_file_holds_a_token(tmp_path: Path) -> None:
    # Copied out, because a scan of a folder looks at ignored files as well, and .venv is one.
    for name in git("ls-files", "--cached", "--others", "--exclude-standard"):
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    assert findings(".", folder=tmp_path) == []


def test_no_commit_holds_a_token() -> None:
    git("rev-parse", "--verify", "HEAD")
    assert findings("--history", folder=ROOT) == []
