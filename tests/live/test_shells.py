"""Completion in shells that are not ours: what they offer after a TAB."""

import os

from support.live import run
from support.project import KEYFUSE

PATH = f"{KEYFUSE.parent}{os.pathsep}{os.environ['PATH']}"


def test_fish_completes_our_commands_and_those_loaded_by_name() -> None:
    for line, offered in (
        ("keyfuse sca", "scan"),
        ("keyfuse scan --histo", "--history"),
        ("keyfuse keys iss", "issue"),
    ):
        script = f"keyfuse completion fish | source; complete --do-complete '{line}'"
        done = run("fish", "--no-config", "-c", script, PATH=PATH)
        assert done.code == 0, done.out
        assert done.out.split()[0] == offered, done.out


def test_zsh_loads_the_script_and_gets_answers() -> None:
    """A terminal would be needed for the TAB itself: here zsh calls what the TAB calls."""
    script = (
        'autoload -Uz compinit && compinit -D -u; eval "$(keyfuse completion zsh)";'
        " print -r -- ${_comps[keyfuse]};"
        " env COMP_WORDS='keyfuse keys iss' COMP_CWORD=2 _KEYFUSE_COMPLETE=zsh_complete keyfuse"
    )
    done = run("zsh", "-f", "-c", script, PATH=PATH)
    assert done.code == 0, done.out
    assert done.out.split()[:3] == ["_keyfuse_completion", "plain", "issue"], done.out
