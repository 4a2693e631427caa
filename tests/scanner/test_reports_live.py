"""Reports against software that is not ours: the OASIS schema, a validator, and a browser.

Needs npm with a registry, jsonschema, playwright and chromium; runs with TEST_LIVE=1.
"""

import json
import os
import shutil
import subprocess
import tarfile

import pytest

from support.keys import make_key

KEY, OTHER = (make_key(seed=seed).reveal() for seed in range(2))
VALIDATOR = "@microsoft/sarif-multitool"
SCHEMA = "@microsoft/jest-sarif@1.0.0-beta.0"

pytestmark = pytest.mark.skipif(not os.environ.get("TEST_LIVE"), reason="TEST_LIVE is not set")


@pytest.fixture
def history(repo):
    repo.commit(f"leaks {OTHER}", a_txt=f"1\n{KEY}\n")
    repo.commit(b_txt=f"{KEY}\n")
    return repo


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    """Return the OASIS schema as Microsoft's package carries it."""
    folder = tmp_path_factory.mktemp("schema")
    subprocess.run(["npm", "pack", "--silent", SCHEMA], cwd=folder, check=True, timeout=120)
    (package,) = folder.glob("*.tgz")
    with tarfile.open(package) as archive:
        member = archive.extractfile("package/lib/schemas/sarif-2.1.0-rtm.5.json")
        assert member is not None
        return json.load(member)


@pytest.mark.parametrize(
    "arguments", [["--history"], ["--staged"], ["nosuch"], ["--history", "--all"]]
)
def test_sarif_fits_the_schema_of_oasis(history, keyfuse, schema, arguments):
    jsonschema = pytest.importorskip("jsonschema")
    history.write("nosuch", f"{KEY} # keyfuse:allow\n")
    out = keyfuse("scan", "--format", "sarif", *arguments).out
    jsonschema.Draft7Validator(schema).validate(json.loads(out))


@pytest.fixture(scope="module")
def validator(tmp_path_factory):
    """Return Microsoft's validator. Through npx it would lose the `;` and GitHub's rules."""
    folder = tmp_path_factory.mktemp("validator")
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", VALIDATOR]
    subprocess.run(install, cwd=folder, check=True, timeout=280)
    return next(folder.glob("node_modules/@microsoft/sarif-multitool-*/Sarif.Multitool"))


def test_sarif_passes_microsofts_validator_with_githubs_rules(history, keyfuse, validator, planted):
    log, judged = planted / "log.sarif", planted / "judged.sarif"
    keyfuse("scan", "--history", "--format", "sarif", "--output", str(log))
    options = ["--rule-kind", "Sarif;Ghas", "--output", str(judged), "--log", "ForceOverwrite"]
    subprocess.run(
        [validator, "validate", log, *options],
        env={**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"},
        check=False,
        capture_output=True,
    )
    (run,) = json.loads(judged.read_text("utf-8-sig"))["runs"]
    assert [entry["ruleId"] for entry in run["results"]] == []


def test_the_page_works_offline_in_a_browser(history, keyfuse):
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or pytest.skip("there is no chromium")
    page_file = history.path.parent / "report.html"
    keyfuse("scan", "--history", "--format", "html", "--output", str(page_file))
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_file.as_uri())
        assert page.locator(".group").count() == 2
        assert page.locator(".finding .place").count() == 3
        page.select_option("#group", "path")
        assert page.locator(".group").count() == 3
        page.select_option("#group", "rule")
        assert page.locator(".group h2").inner_text() == "keyfuse-key (3)"
        page.fill("#search", "B.TXT")
        assert page.locator("#count").inner_text() == "1 of 3"
        text = page.content()
        browser.close()
    assert said == []
    assert asked == [page_file.as_uri()]
    assert KEY not in text
    assert OTHER not in text
