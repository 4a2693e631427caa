"""What runs on every change: the workflow, and the floors of coverage."""

import re
import runpy
from collections import Counter
from typing import Any

import pytest
import yaml

from support.project import PACKAGES, PYPROJECT, ROOT

WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
FLOORS = runpy.run_path(str(ROOT / ".ci" / "coverage_floors.py"))


def jobs() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOW)["jobs"]
    return found


def steps(action: str) -> list[dict[str, Any]]:
    return [
        step
        for job in jobs().values()
        for step in job["steps"]
        if step.get("uses", "").startswith(action + "@")
    ]


def test_actions_are_pinned_by_commit_with_the_version_beside() -> None:
    used = re.findall(r"uses: (\S+)(.*)", WORKFLOW)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


def test_the_token_may_read_and_is_not_left_on_disk() -> None:
    assert yaml.safe_load(WORKFLOW)["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in jobs().values())
    checkouts = steps("actions/checkout")
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_every_supported_python_is_tested_on_linux_and_macos() -> None:
    prefix = "Programming Language :: Python :: "
    classifiers = [text.removeprefix(prefix) for text in PYPROJECT["project"]["classifiers"]]
    supported = [text for text in classifiers if re.fullmatch(r"3\.\d+", text)]
    matrix = jobs()["installed"]["strategy"]["matrix"]
    assert matrix["python"] == supported
    assert matrix["os"] == ["ubuntu-latest", "macos-latest"]


def test_the_three_light_packages_have_a_floor_of_95() -> None:
    floors = FLOORS["FLOORS"]
    assert list(floors) == list(PACKAGES)
    assert [floors[package] for package in PACKAGES] == [95, 95, 95, None]


@pytest.mark.parametrize(
    ("run", "floor", "held"),
    [
        ({"statements run": 100, "branches run": 100}, 95, True),
        ({"statements run": 95, "branches run": 95}, 95, True),
        ({"statements run": 100, "branches run": 94}, 95, False),
        ({"statements run": 94, "branches run": 100}, 95, False),
        ({}, None, True),
    ],
)
def test_branches_and_statements_are_held_apart(
    run: dict[str, int], floor: int | None, held: bool
) -> None:
    total = Counter({"statements": 100, "branches": 100, **run})
    assert FLOORS["judge"]("keyfuse_rules", floor, total)[0] is held


def test_a_package_that_was_not_measured_holds_nothing() -> None:
    held, line = FLOORS["judge"]("keyfuse_rules", 95, Counter())
    assert not held
    assert line == "keyfuse_rules: statements 0.00 %, branches 0.00 % (floor 95 %)"
