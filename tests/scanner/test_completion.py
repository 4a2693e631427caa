"""Completion in a real shell, of our commands and of those that are loaded by name."""

import os
import shutil
import subprocess
import sys

import click
import pytest
from click.shell_completion import BashComplete

from keyfuse_scanner import cli
from keyfuse_scanner.commands import Elsewhere
from support.project import KEYFUSE

BASH = shutil.which("bash")


def completed(*words: str) -> set[str]:
    """Return what bash offers for the last word."""
    line = " ".join(f"'{word}'" for word in words)
    script = (
        f'eval "$(keyfuse completion bash)"; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1};'
        " _keyfuse_completion keyfuse; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    path = f"{KEYFUSE.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(BASH), "--noprofile", "--norc", "-c", script],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.skipif(BASH is None, reason="there is no bash")
def test_bash_completes_commands_options_and_choices():
    assert completed("keyfuse", "sca") == {"scan"}
    assert {"keys", "serve", "demo", "scan"} <= completed("keyfuse", "")
    assert completed("keyfuse", "scan", "--histo") == {"--history"}
    assert "sarif" in completed("keyfuse", "scan", "--format", "")
    assert completed("keyfuse", "hook", "inst") == {"install"}
    assert completed("keyfuse", "keys", "iss") == {"issue"}
    assert completed("keyfuse", "keys", "issue", "--pre") == {"--prefix"}


@pytest.mark.parametrize(("shell", "sign"), [("zsh", "compdef"), ("fish", "complete ")])
def test_the_other_shells_get_a_script_of_theirs(keyfuse, shell, sign):
    done = keyfuse("completion", shell)
    assert done.code == 0
    assert sign in done.out
    assert "_KEYFUSE_COMPLETE" in done.out


def test_names_are_completed_without_loading_anything(monkeypatch, tmp_path):
    """And where the server part is missing, a shell that asks for more gets nothing at all."""
    (tmp_path / "needs_server.py").write_text("import module_that_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(cli.ELSEWHERE, "extra", Elsewhere("needs_server:extra", "More."))
    shell = BashComplete(cli.keyfuse, {}, "keyfuse", "_KEYFUSE_COMPLETE")
    assert "needs_server" not in sys.modules
    assert [item.value for item in shell.get_completions([], "ext")] == ["extra"]
    assert [item.help for item in shell.get_completions([], "ext")] == ["More."]
    assert "needs_server" not in sys.modules
    assert {item.value for item in shell.get_completions(["extra"], "")} <= set(
        cli.keyfuse.list_commands(click.Context(cli.keyfuse))
    )
