"""Reports against software that is not ours: schemas, validators, parsers, and a browser.

What they tell of is the worst there is: every kind of secret that keyfuse knows, in files, messages
and names, at paths that no format likes, and more of them than GitHub takes.
"""

import json
import os
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pytest

from keyfuse_rules.pack import default_rules
from keyfuse_rules.recipes import expand
from support.gitrepo import GitRepo
from support.keys import make_key
from support.live import QUIET, node, program
from support.project import KEYFUSE

KEYS = [make_key(seed=seed).reveal() for seed in range(40)]
NASTY = b'odd \xff "<script>&%20\\|`.txt'


@pytest.fixture(scope="module")
def leaked(tmp_path_factory: pytest.TempPathFactory) -> GitRepo:
    """Return a repository that leaked everything, everywhere."""
    repo = GitRepo(tmp_path_factory.mktemp("planted"))
    repo.git("init", "--quiet", "--initial-branch=main")
    for name, value in (("user.name", "Ada"), ("user.email", "ada@example.com")):
        repo.git("config", name, value)
    for rule in default_rules():
        examples = (expand(recipe, Random(0), rule.checksum) for recipe in rule.matches)
        repo.write(f"rules/{rule.rule_id}.txt", b"\n".join(examples) + b"\n")
    repo.git("add", "-f", ".")
    repo.commit("all rules")
    repo.stage(NASTY, f"é\U0001f511 {KEYS[0]}\n")
    repo.commit(f"leaks {KEYS[1]}", allowed_txt=f"{KEYS[2]}  # keyfuse:allow\n")
    repo.git("tag", "-a", "v1", "-m", f"with {KEYS[3]}")
    for number, key in enumerate(KEYS[4:]):
        repo.write(f"many/{number}.txt", f"{key}\n")
    repo.git("add", "-f", ".")
    repo.git("commit", "-q", "-m", "many", "--author", f"{KEYS[2]} <a@example.com>")
    return repo


@pytest.fixture
def history(leaked: GitRepo, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    """Return it; it is the current directory."""
    monkeypatch.chdir(leaked.path)
    return leaked


def scan(*options: str) -> str:
    """Return a report, which holds no key."""
    done = subprocess.run([KEYFUSE, "scan", *options], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert [key for key in KEYS if key in done.stdout] == []
    return done.stdout


MODES = pytest.mark.parametrize(
    "mode", [("--history",), ("--history", "--all"), (".",), ("--range", "HEAD~1..HEAD")]
)


@MODES
def test_sarif_fits_the_schema_of_oasis(history: GitRepo, mode: tuple[str, ...]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(
        node("@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json").read_text()
    )
    log = json.loads(scan("--format", "sarif", *mode))
    jsonschema.Draft7Validator(schema).validate(log)
    assert log["runs"][0]["results"]


@MODES
def test_sarif_passes_microsofts_validator_with_githubs_rules(
    history: GitRepo, tmp_path: Path, mode: tuple[str, ...]
) -> None:
    """Its report counts, for its exit code says nothing; through npx it would lose the `;`."""
    log = json.loads(scan("--format", "sarif", *mode))
    assert judged(log, tmp_path) == []
    # The validator sees what it is here for.
    log["runs"][0]["results"][0]["ruleId"] = "nosuch"
    del log["runs"][0]["results"][1]["partialFingerprints"]
    log["runs"][0]["results"][1]["locations"] = []
    assert any(rule.startswith("GH") for rule in judged(log, tmp_path))


def test_sarif_of_too_many_findings_is_cut_and_says_so(repo: GitRepo, tmp_path: Path) -> None:
    for number in range(60):
        keys = [make_key(seed=number * 100 + count).reveal() for count in range(100)]
        repo.write(f"{number}.txt", "\n".join(keys) + "\n")
    log = json.loads(scan("--format", "sarif", "."))
    (run,) = log["runs"]
    assert len(run["results"]) == 5_000
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert [note["message"]["text"] for note in notes] == [
        "1000 findings are left out: GitHub keeps 5000"
    ]
    assert judged(log, tmp_path) == []


def judged(log: dict[str, Any], folder: Path) -> list[str]:
    """Return the rules of the validator that a log breaks, from its report."""
    validator = node("@microsoft/sarif-multitool-*/Sarif.Multitool")
    file, report = folder / "log.sarif", folder / "judged.sarif"
    # It asks the network for each address, and waits long where there is none: a few will do.
    for rule in log["runs"][0]["tool"]["driver"]["rules"][3:]:
        rule.pop("helpUri", None)
    file.write_text(json.dumps(log, indent=2))
    options = ["--rule-kind", "Sarif;Ghas", "--output", report, "--log", "ForceOverwrite"]
    subprocess.run(
        [validator, "validate", file, *options],
        env={**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"},
        check=False,
        capture_output=True,
    )
    (run,) = json.loads(report.read_text("utf-8-sig"))["runs"]
    assert run["invocations"][0]["executionSuccessful"]
    return [
        f"{entry['ruleId']} {entry['message']}"
        for entry in run["results"]
        if entry["message"]["id"] != NO_HOMEPAGE
    ]


# Known only of a copy that pip installed from a repository; this one has no page of its own.
NO_HOMEPAGE = "Warning_ProvideToolnformationUri"


@MODES
def test_junit_is_read_by_a_parser_of_it(history: GitRepo, mode: tuple[str, ...]) -> None:
    junitparser = pytest.importorskip("junitparser")
    findings = json.loads(scan("--format", "json", *mode))["findings"]
    suites = junitparser.JUnitXml.fromstring(scan("--format", "junit", *mode).encode())
    (suite,) = suites
    assert suite.failures == sum("reason" not in finding for finding in findings)
    assert suite.skipped == sum("reason" in finding for finding in findings)
    assert suite.tests == len(list(suite)) == len(findings)
    assert sum(case.is_failure for case in suite) == suite.failures


def test_gitlab_takes_the_report(history: GitRepo) -> None:
    """Against GitLab's own schema, where somebody named a copy of it; no registry has one."""
    jsonschema = pytest.importorskip("jsonschema")
    named = os.environ.get("GITLAB_SCHEMA") or pytest.skip(
        "GITLAB_SCHEMA names no secret-detection-report-format.json"
    )
    schema = json.loads(Path(named).read_text())
    for mode in ("--history", "."):
        jsonschema.Draft7Validator(schema).validate(json.loads(scan("--format", "gitlab", mode)))


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_works_offline_in_a_browser(history: GitRepo, tmp_path: Path, width: int) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    findings = json.loads(scan("--history", "--format", "json"))["findings"]
    file = tmp_path / "report.html"
    file.write_text(scan("--history", "--format", "html"))
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program("chromium"), args=QUIET)
        page = browser.new_page(viewport={"width": width, "height": 800}, offline=True)
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())

        def groups(by: str) -> int:
            page.select_option("#group", by)
            return int(page.locator(".group").count())

        assert page.locator(".finding .place").count() == len(findings)
        for by in ("fingerprint", "rule", "path"):
            assert groups(by) == len({finding[by] or finding["place"] for finding in findings}), by
        assert groups("author") == len({finding["author"] for finding in findings})
        page.fill("#search", "MANY/1.TXT")
        assert page.locator("#count").inner_text() == f"1 of {len(findings)}"
        page.fill("#search", "no such thing")
        assert page.locator("#count").inner_text() == f"0 of {len(findings)}"
        page.fill("#search", "<script>")
        assert page.locator(".finding").count() == 1
        page.fill("#search", "")
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(overflow) == 0
        text = page.content()
        browser.close()
    assert said == []
    assert asked == [file.as_uri()]
    assert [key for key in KEYS if key in text] == []


def test_every_annotation_is_a_command_of_github(history: GitRepo) -> None:
    lines = scan("--history", "--format", "github").splitlines()
    commands = [line for line in lines if line.startswith("::")]
    assert all(line.split(" ")[0] in {"::error", "::warning", "::notice"} for line in commands)
    for kind in ("error", "warning", "notice"):
        assert sum(line.startswith(f"::{kind} ") for line in commands) <= 10
    assert any("are not annotated: GitHub shows 10 of a kind" in line for line in lines)
