"""The Action: pinned, without injection, and as its documents say."""

import re
from string import Template
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from keyfuse_scanner.action import job
from support.project import PYPROJECT, ROOT, fences, package_folder

TEXT = (ROOT / "action.yml").read_text("utf-8")
ACTION: dict[str, Any] = yaml.safe_load(TEXT)
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
PAGE = (ROOT / "docs" / "github-action.md").read_text("utf-8")
LOCK = (ROOT / ".github" / "action-requirements.txt").read_text("utf-8")
PINNED = {
    canonicalize_name(name): Version(version)
    for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", LOCK, re.MULTILINE)
}


def workflow() -> dict[str, Any]:
    (text,) = fences(PAGE, "yaml")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_what_it_uses_is_pinned_by_commit_with_the_version_beside() -> None:
    used = re.findall(r"uses: (\S+)(.*)", TEXT)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"actions/[\w/-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


def test_no_script_has_anything_pasted_into_it() -> None:
    scripts = [step["run"] for step in STEPS if "run" in step]
    assert len(scripts) == 2
    assert [script for script in scripts if "${{" in script] == []
    assert all(step["shell"] == "bash" for step in STEPS if "run" in step)


def test_what_it_installs_is_named_by_hash_and_is_what_we_ask_for() -> None:
    wanted = [Requirement(text) for text in PYPROJECT["project"]["dependencies"]]
    wanted += [Requirement(text) for text in PYPROJECT["build-system"]["requires"]]
    for requirement in wanted:
        assert PINNED[canonicalize_name(requirement.name)] in requirement.specifier
    entries = [
        entry for entry in re.split(r"\n(?=\S)", LOCK) if entry and not entry.startswith("#")
    ]
    assert len(entries) == len(PINNED)
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_step_gets_what_it_reads() -> None:
    (scan,) = [step for step in STEPS if step.get("id") == "scan"]
    given = {name for name in scan["env"] if name.startswith("INPUT_")}
    source = (package_folder("keyfuse_scanner") / "action" / "job.py").read_text("utf-8")
    assert given == set(re.findall(r'"(INPUT_[A-Z_]+)"', source))
    assert {f"INPUT_{name.upper().replace('-', '_')}" for name in ACTION["inputs"]} == given | {
        "INPUT_CACHE"
    }
    assert job.__doc__ is not None


def test_what_a_proposal_brings_is_never_judged_by_a_cache() -> None:
    restore, save = [step for step in STEPS if step.get("uses", "").startswith("actions/cache/")]
    assert restore["uses"].startswith("actions/cache/restore@")
    events = set(re.findall(r"github.event_name == '(\w+)'", restore["if"]))
    assert events == {"schedule", "workflow_dispatch"}
    assert "steps.scan.outputs.remember == 'true'" in save["if"]
    for step in (restore, save):
        assert step["with"]["path"] == "${{ steps.install.outputs.memory }}"
        assert "${{ steps.install.outputs.code }}" in step["with"]["key"]


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_inputs_and_outputs_are_documented_and_no_others(kind: str) -> None:
    known = {*ACTION["inputs"], *ACTION["outputs"]}
    assert [name for name in ACTION[kind] if f"`{name}`" not in PAGE] == []
    assert set(workflow()["jobs"]["keyfuse"]["steps"][1]["with"]) <= known


def test_outputs_are_those_of_the_step() -> None:
    for name, output in ACTION["outputs"].items():
        assert output["value"] == f"${{{{ steps.scan.outputs.{name} }}}}"


def test_the_workflow_of_the_document_is_the_one_that_comes_with_keyfuse() -> None:
    template = package_folder("keyfuse_scanner") / "setup" / "workflow.yml"
    (shown,) = fences(PAGE, "yaml")
    (action,) = re.findall(r"uses: (acme/.*)", shown)
    written = Template(template.read_text("utf-8")).substitute(minute=17, action=action)
    assert shown.startswith(written)


def test_the_workflow_of_the_document_may_do_next_to_nothing() -> None:
    found = workflow()
    assert found["permissions"] == {}
    job_of_it = found["jobs"]["keyfuse"]
    assert job_of_it["permissions"] == {"contents": "read", "security-events": "write"}
    checkout, _ = job_of_it["steps"]
    assert checkout["with"]["persist-credentials"] is False
    assert all(re.search(r"@[0-9a-f]{40}$", step["uses"]) for step in job_of_it["steps"])
