"""Fetching from a git server that is not ours: lighttpd in front of `git http-backend`."""

import os
import subprocess
from pathlib import Path

import pytest

from keyfuse_rules import Secret
from keyfuse_scanner import git as scanner_git
from keyfuse_scanner.git import Repository
from keyfuse_webhook.events import read_push
from keyfuse_webhook.git_fetch import RepositoryGone, fetch
from keyfuse_webhook.github_names import RepositoryName
from keyfuse_webhook.mail_sink import free_port
from keyfuse_webhook.mirrors import Mirrors
from keyfuse_webhook.push_range import fetch_new
from support.githttp import Remote
from support.hooks import push_payload
from support.live import program, serving

NAME = RepositoryName("acme", "app")
TOKEN = "ghs_" + "x" * 36
CONFIGURATION = """
server.modules = ("mod_access", "mod_alias", "mod_auth", "mod_authn_file", "mod_setenv", "mod_cgi")
server.document-root = "{folder}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{folder}/error.log"
server.upload-dirs = ("{folder}")
alias.url = ("/" => "{backend}/")
cgi.assign = ("" => "")
setenv.set-environment = (
  "GIT_PROJECT_ROOT" => "{folder}", "GIT_HTTP_EXPORT_ALL" => "1", "HOME" => "{folder}",
  "GIT_CONFIG_COUNT" => "1", "GIT_CONFIG_KEY_0" => "safe.directory", "GIT_CONFIG_VALUE_0" => "*"
)
auth.backend = "plain"
auth.backend.plain.userfile = "{folder}/users"
auth.require = ("/" => ("method" => "basic", "realm" => "git", "require" => "valid-user"))
"""


@pytest.fixture
def server(planted: Path):
    """The address of a server that wants the token of an installation."""
    port, folder = free_port(), planted
    core = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True)
    backend = Path(core.stdout.strip()) / "git-http-backend"
    if not backend.exists():
        pytest.skip("git comes without http-backend")
    (folder / "users").write_text(f"x-access-token:{TOKEN}\n")
    configuration = folder / "lighttpd.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, port=port, backend=backend))
    lighttpd = program("lighttpd")
    with serving([lighttpd, "-D", "-f", configuration], port, folder / "log"):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def remote(server, planted):
    made = Remote(planted / "acme/app.git", planted / "work", "acme/app")
    for number in range(20):
        made.commit(f"change {number}", a_txt=f"{number}\n" + os.urandom(20_000).hex())
    made.push()
    return made


def test_a_push_costs_its_own_commits_with_the_token_in_no_place_but_the_header(
    server, remote, tmp_path
):
    before = remote.git("rev-parse", "HEAD")
    after = remote.commit("new", b_txt="new\n")
    remote.push()
    push = read_push(push_payload("acme/app", before, after))
    mirrors, token = Mirrors(tmp_path / "mirrors"), Secret(TOKEN)
    with mirrors.mirror(NAME) as mirror:
        url = NAME.clone_url(server)

        def fetcher(refspecs, depth):
            fetch(mirror, url, refspecs, token=token, depth=depth)

        found = fetch_new(mirror, push, fetcher)
        assert str(found) == f"{before}..{after}"
        repository = Repository(str(mirror))
        assert scanner_git.run(repository, "rev-list", "--count", "--all").strip() == b"2"
        assert TOKEN not in (mirror / "config").read_text()
        fetch(mirror, url, ["+refs/heads/*:refs/heads/*"], token=token, depth=2**31 - 1)
        assert scanner_git.run(repository, "rev-list", "--count", "--all").strip() == b"21"


def test_a_wrong_token_is_no_access(server, remote, tmp_path):
    mirror = tmp_path / "m.git"
    subprocess.run(["git", "init", "-q", "--bare", str(mirror)], check=True)
    for token in (None, Secret("wrong")):
        with pytest.raises(RepositoryGone):
            fetch(mirror, NAME.clone_url(server), ["+HEAD:refs/x"], token=token)
