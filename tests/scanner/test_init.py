"""`keyfuse init`: writes what fits, overwrites nothing, and what it writes works."""

import json
import subprocess
import sys
from types import ModuleType

import pytest
import yaml

from keyfuse_rules.prefixes import InvalidPrefix
from keyfuse_scanner.policy import find_policy
from keyfuse_scanner.setup import files, prefix
from keyfuse_scanner.setup.frameworks import framework_of
from keyfuse_scanner.setup.source import installed_source
from support.project import ROOT

COMMIT = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
SOURCE = f"acme/keyfuse@{COMMIT}"


@pytest.fixture
def init(repo, keyfuse):
    """Return a function that runs the command with options alone."""

    def call(*options):
        done = keyfuse("init", "--json", "--hook", "none", *options)
        assert done.code == 0, done.err
        told = json.loads(done.out)
        return {entry["path"]: entry["outcome"] for entry in told["files"]}, told["next"]

    return call


@pytest.fixture
def interview(repo, keyfuse, monkeypatch):
    """Return a function that runs the command and answers its questions."""

    def call(*answers, options=()):
        from click.testing import CliRunner

        from keyfuse_scanner.cli import keyfuse as program

        text = "".join(f"{answer}\n" for answer in answers)
        done = CliRunner().invoke(program, ["init", *options], input=text)
        assert done.exit_code == 0, done.output
        return done.output

    return call


def test_the_least_is_a_policy(repo, init):
    made, todo = init()
    assert made == {"keyfuse.toml": "written"}
    assert find_policy(repo.path).policy.source == str(repo.path / "keyfuse.toml")
    assert any("--source" in line for line in todo)


def test_all_of_it(repo, keyfuse, init):
    repo.write("requirements.txt", "Flask>=3\n")
    options = ("--prefix", "acme_live", "--prefix", "acme_test", "--source", SOURCE)
    made, todo = init(*options, "--hook", "pre-commit", "--report-to", "https://keys.example.com")
    assert made == dict.fromkeys(
        (
            "keyfuse.toml",
            ".pre-commit-config.yaml",
            ".github/workflows/keyfuse.yml",
            "keyfuse_guard.py",
        ),
        "written",
    )
    hooks = yaml.safe_load((repo.path / ".pre-commit-config.yaml").read_text())
    assert hooks["repos"][0]["repo"] == "https://github.com/acme/keyfuse"
    assert hooks["repos"][0]["rev"] == COMMIT
    workflow = yaml.safe_load((repo.path / ".github/workflows/keyfuse.yml").read_text())
    _, step = workflow["jobs"]["keyfuse"]["steps"]
    assert step == {
        "uses": SOURCE,
        "with": {
            "report-to": "https://keys.example.com",
            "report-prefixes": "acme_live acme_test",
        },
    }
    assert "app.wsgi_app = guard(app.wsgi_app)" in (repo.path / "keyfuse_guard.py").read_text()
    assert any("keyfuse keys issue --prefix acme_test" in line for line in todo)
    assert any("pre-commit install" in line for line in todo)
    assert keyfuse("scan").code == 0


def test_a_second_run_changes_nothing_and_a_foreign_file_stays(repo, keyfuse, init):
    repo.write(".pre-commit-config.yaml", "repos: []\n")
    assert init("--hook", "pre-commit")[0] == {
        "keyfuse.toml": "written",
        ".pre-commit-config.yaml": "kept",
    }
    before = (repo.path / "keyfuse.toml").read_text()
    assert init()[0] == {"keyfuse.toml": "unchanged"}
    assert (repo.path / "keyfuse.toml").read_text() == before
    assert (repo.path / ".pre-commit-config.yaml").read_text() == "repos: []\n"
    said = keyfuse("init", "--yes", "--hook", "pre-commit").out
    assert "kept       .pre-commit-config.yaml" in said
    assert "    entry: keyfuse hook run" in said.replace("    " * 2, "    ")
    repo.write("keyfuse.toml", 'fail_on = "high"\n')
    assert init()[0] == {"keyfuse.toml": "kept"}
    assert (repo.path / "keyfuse.toml").read_text() == 'fail_on = "high"\n'


def test_a_configuration_that_has_our_hook_serves(repo, init):
    repo.write(".pre-commit-config.yaml", "repos:\n- repo: x\n  hooks:\n  - id: keyfuse\n")
    assert init("--hook", "pre-commit")[0][".pre-commit-config.yaml"] == "unchanged"


def test_a_policy_in_pyproject_is_not_hidden(repo, init):
    repo.write("pyproject.toml", '[tool.keyfuse]\nfail_on = "high"\n')
    assert init()[0] == {}


def test_it_works_from_below_the_root(repo, init, monkeypatch):
    (repo.path / "below").mkdir()
    monkeypatch.chdir(repo.path / "below")
    init()
    assert (repo.path / "keyfuse.toml").exists()


def test_outside_of_a_repository(keyfuse, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert keyfuse("init", "--yes").code == 2


def test_a_file_that_cannot_be_written_is_one_line(repo, keyfuse):
    repo.write(".github", "a file where a folder should be")
    done = keyfuse("init", "--yes", "--hook", "none", "--source", SOURCE)
    assert done.code == 2
    assert done.err.count("\n") == 1


def test_the_hook_of_git_is_installed_and_stops_a_key(repo, keyfuse):
    done = keyfuse("init", "--yes", "--hook", "git")
    assert f"installed {repo.path}/.git/hooks/pre-commit" in done.out
    assert (repo.path / ".git/hooks/pre-commit").exists()


def test_a_hook_that_is_refused_stops_nothing_else(repo, keyfuse, planted):
    repo.git("config", "--global", "core.hooksPath", str(planted / "hooks"))
    done = keyfuse("init", "--yes", "--hook", "git")
    assert done.code == 0
    assert "no hook was installed: core.hooksPath" in done.out
    assert (repo.path / "keyfuse.toml").exists()


def test_without_a_source_the_hooks_are_those_of_this_machine(repo, init):
    init("--hook", "pre-commit")
    hooks = yaml.safe_load((repo.path / ".pre-commit-config.yaml").read_text())
    offered = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    (local,) = hooks["repos"]
    assert local["repo"] == "local"
    ours = {hook["id"]: (hook["entry"], hook["stages"]) for hook in local["hooks"]}
    assert ours == {hook["id"]: (hook["entry"], hook["stages"]) for hook in offered}


def test_whoever_comes_from_another_scanner_keeps_what_is_known(repo, init):
    repo.write(".gitleaksignore", "")
    repo.write(".secrets.baseline", "{}")
    _, todo = init()
    assert find_policy(repo.path).policy.honour == ("detect-secrets", "gitleaks")
    assert sum("keyfuse baseline import" in line for line in todo) == 2


def test_the_interview_explains_the_prefix_and_asks_until_it_is_right(repo, interview):
    repo.write("requirements.txt", "fastapi\n")
    said = interview(
        "ghp_mine", "acme", "none", "keyfuse@main", SOURCE, "https://keys.example.com", "y"
    )
    assert "190 bits" in said
    assert "partner programme" in said
    assert "'ghp_' marks another provider's secrets" in said
    assert "it names no environment" in said
    assert "all 40 digits of the commit" in said
    assert (repo.path / ".github/workflows/keyfuse.yml").exists()
    assert "guard(app)" in (repo.path / "keyfuse_guard.py").read_text()
    assert not (repo.path / ".pre-commit-config.yaml").exists()


def test_who_issues_no_keys_is_asked_less(repo, interview):
    repo.write("requirements.txt", "fastapi\n")
    said = interview("none", "none", "none")
    assert "written    keyfuse.toml" in said
    assert not (repo.path / "keyfuse_guard.py").exists()
    assert not (repo.path / ".github").exists()


def test_who_wants_no_service_and_no_middleware_gets_none(repo, interview):
    repo.write("requirements.txt", "fastapi\n")
    interview("acme_live", "none", SOURCE, "none", "n")
    assert "report-to" not in (repo.path / ".github/workflows/keyfuse.yml").read_text()
    assert not (repo.path / "keyfuse_guard.py").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--prefix", "ghp_x"], "another provider"),
        (["--source", "acme/keyfuse@v1"], "all 40 digits"),
        (["--prefix", "acme", "--report-to", "http://keys.example.com"], "https only"),
        (["--report-to", "https://keys.example.com"], "--report-prefix"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(repo, keyfuse, options, said):
    done = keyfuse("init", "--yes", *options)
    assert done.code == 2
    assert said in done.err
    assert list(repo.path.iterdir()) == [repo.path / ".git"]


def test_prefixes_are_suggested_and_judged():
    assert prefix.suggest("Acme Billing!") == "acme_billing_live"
    assert prefix.suggest("ghp-tools") == prefix.suggest("7") == "acme_live"
    assert any("short" in line for line in prefix.judge("ab_live"))
    with pytest.raises(InvalidPrefix):
        prefix.judge("keyfuse_live")


@pytest.mark.parametrize(
    ("noted", "source"),
    [
        ({"url": "https://github.com/acme/keyfuse.git", "vcs_info": {"commit_id": COMMIT}}, SOURCE),
        ({"url": "https://git.example.com/acme/keyfuse", "vcs_info": {"commit_id": COMMIT}}, None),
        ({"url": "file:///home/ada/keyfuse", "dir_info": {}}, None),
        ([], None),
        (None, None),
    ],
)
def test_what_pip_noted_says_where_keyfuse_is_from(monkeypatch, noted, source):
    class Distribution:
        def read_text(self, name):
            assert name == "direct_url.json"
            return None if noted is None else json.dumps(noted)

    monkeypatch.setattr("importlib.metadata.distribution", lambda _: Distribution())
    found = installed_source()
    assert (None if found is None else str(found)) == source


@pytest.mark.parametrize(
    ("name", "text", "framework"),
    [
        ("pyproject.toml", 'dependencies = ["FastAPI>=0.1", "flask"]\n', "fastapi"),
        ("requirements-dev.txt", "flask-cors\nDjango==5.2\n", "django"),
        ("requirements.txt", "# flask\nrequests\n", None),
        ("setup.cfg", "install_requires =\n  starlette\n", "starlette"),
        ("manage.py", "", "django"),
    ],
)
def test_the_framework_is_seen_in_the_requirements(tmp_path, name, text, framework):
    (tmp_path / name).write_text(text)
    assert framework_of(tmp_path) == framework


def guard(framework, monkeypatch, folder):
    """Return the snippet for a framework as a module, on a store of its own."""
    monkeypatch.setenv("KEYFUSE_HOME", str(folder))
    wishes = files.Wishes(framework=framework)
    *_, proposal = files.proposals(folder, wishes)
    assert proposal.path == files.GUARD
    module = ModuleType("keyfuse_guard")
    exec(compile(proposal.text, proposal.path, "exec"), module.__dict__)
    return module


def headers(module):
    issued = module.store.issue(prefix="acme_live", owner="o@example.com", scopes=["things:read"])
    return {"Authorization": f"Bearer {issued.token.reveal()}"}


@pytest.mark.parametrize("framework", ["fastapi", "starlette"])
def test_the_guard_of_an_asgi_application_lets_keys_through_only(framework, monkeypatch, tmp_path):
    import anyio
    import httpx
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    module = guard(framework, monkeypatch, tmp_path)

    async def answer(_):
        return PlainTextResponse("yes")

    app = module.guard(Starlette(routes=[Route(path, answer) for path in ("/things", "/health")]))

    async def ask(path, **options):
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://api.test"
        ) as client:
            return (await client.get(path, **options)).status_code

    given = headers(module)
    assert anyio.run(ask, "/health") == 200
    assert anyio.run(ask, "/things") == 401
    assert anyio.run(lambda: ask("/things", headers=given)) == 200
    assert anyio.run(lambda: ask("/forgotten", headers=given)) == 403
    module.store.close()


@pytest.mark.parametrize("framework", ["flask", "django"])
def test_the_guard_of_a_wsgi_application_lets_keys_through_only(framework, monkeypatch, tmp_path):
    import httpx

    module = guard(framework, monkeypatch, tmp_path)

    def application(environ, start):
        start("200 OK", [("Content-Length", "3")])
        return [b"yes"]

    transport = httpx.WSGITransport(module.guard(application))
    with httpx.Client(transport=transport, base_url="http://api.test") as client:
        given = headers(module)
        assert client.get("/health").status_code == 200
        assert client.get("/things").status_code == 401
        assert client.get("/things", headers=given).status_code == 200
        assert client.get("/forgotten", headers=given).status_code == 403
    module.store.close()


def test_the_interview_ends_quietly_where_nobody_answers(repo):
    done = subprocess.run(
        [sys.executable, "-m", "keyfuse_scanner", "init"],
        cwd=repo.path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert list(repo.path.iterdir()) == [repo.path / ".git"]
