"""The console script: start-up, commands of other packages, exit codes, rules, completion."""

import gc
import json
import os
import re
import subprocess
import sys

import click
import pytest

from keyfuse_rules.pack import default_rules
from keyfuse_scanner import cli, main, terminal
from keyfuse_scanner.commands import ELSEWHERE, Elsewhere
from keyfuse_scanner.engine import engine_facts
from keyfuse_scanner.printable import harmless, path_text
from support.keys import make_key

HEAVY = [
    "sqlalchemy",
    "fastapi",
    "starlette",
    "dbos",
    "httpx",
    "github",
    "git",
    "alembic",
    "msgspec",
]
KEY = make_key().reveal()
PIPE = subprocess.PIPE


def modules_after(code, cwd):
    # Behind a mark of its own: what the code prints names commands, not modules.
    program = f"import sys\n{code}\nprint('\\nMODULES')\nprint('\\n'.join(sys.modules))"
    # Measuring coverage would import modules of its own.
    environ = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.partition("\nMODULES\n")[2].split())


@pytest.mark.parametrize(
    "arguments", [["scan"], ["scan", "--history"], ["rules", "list"], ["--help"]]
)
def test_nothing_of_the_server_is_imported(repo, arguments):
    code = f"from keyfuse_scanner.main import run\nassert run({arguments}) == 0"
    assert modules_after(code, repo.path) & set(HEAVY) == set()


def test_the_hook_imports_no_command_line_library_and_no_report(repo):
    repo.stage("a", "clean")
    code = "from keyfuse_scanner.main import run\nassert run(['hook', 'run']) == 0"
    loaded = modules_after(code, repo.path)
    unwanted = {"click", "json", "regex", "dataclasses", "importlib.metadata"}
    late = {"keyfuse_scanner.reports", "keyfuse_scanner.attribution", "keyfuse_scanner.listings"}
    assert loaded & {*HEAVY, *unwanted, *late} == set()


def test_help_loads_no_command(repo):
    code = "from keyfuse_scanner.main import run\nassert run(['--help']) == 0"
    modules = modules_after(code, repo.path)
    assert not {name for name in modules if name.startswith(("keyfuse_store", "keyfuse_webhook"))}
    assert not {name for name in modules if name.startswith("keyfuse_scanner.commands_")}


def test_help_names_all_commands(keyfuse):
    done = keyfuse("--help")
    assert done.code == 0
    for name in ("scan", "hook", "rules", *ELSEWHERE):
        assert f"\n  {name} " in done.out


def test_the_version(keyfuse):
    done = keyfuse("--version")
    assert done.code == 0
    facts = engine_facts()
    assert re.fullmatch(
        rf"keyfuse \S+ \({facts.engine} {facts.version}, {len(default_rules())} rules\)\n", done.out
    )


def test_no_command_and_an_unknown_one_are_usage_errors(keyfuse):
    assert keyfuse().code == 2
    assert keyfuse("nosuch").code == 2
    assert keyfuse("scan", "--help").code == 0


def test_a_missing_extra_is_one_line_that_says_what_to_install(keyfuse, monkeypatch, tmp_path):
    (tmp_path / "needs_server.py").write_text("import module_that_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(cli.ELSEWHERE, "extra", Elsewhere("needs_server:extra", "More."))
    done = keyfuse("extra")
    assert done.code == 2
    assert (
        done.err == "keyfuse: keyfuse extra needs the server part: pip install 'keyfuse[server]'\n"
    )


def test_a_missing_module_of_ours_is_a_bug(keyfuse, monkeypatch):
    monkeypatch.setitem(cli.ELSEWHERE, "extra", Elsewhere("keyfuse_store.nosuch:extra", "More."))
    assert keyfuse("extra").code == 70


def test_a_command_of_another_package_runs_with_its_exit_code(keyfuse, monkeypatch, tmp_path):
    (tmp_path / "other_package.py").write_text(
        "import click\n"
        "@click.command()\n"
        "@click.argument('how')\n"
        "def extra(how):\n"
        "    if how == 'one': click.get_current_context().exit(1)\n"
        "    if how == 'error': raise click.ClickException('it went wrong')\n"
        "    if how == 'interrupt': raise KeyboardInterrupt\n"
        "    if how == 'bug': raise ValueError('a secret')\n"
        "    return 'done'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(cli.ELSEWHERE, "extra", Elsewhere("other_package:extra", "More."))
    assert keyfuse("extra", "well").code == 0
    assert keyfuse("extra", "one").code == 1
    assert keyfuse("extra", "error") == (2, "", "Error: it went wrong\n")
    assert keyfuse("extra", "interrupt").code == 130
    done = keyfuse("extra", "bug")
    assert done.code == 70
    assert done.err.startswith("keyfuse: this is a bug, please report it: ValueError in extra (")
    assert "a secret" not in done.err
    assert done.err.count("\n") == 1


def test_an_interrupted_hook_exits_130(repo, keyfuse, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("keyfuse_scanner.hook.run", interrupt)
    assert keyfuse("hook", "run") == (130, "", "keyfuse: interrupted\n")


def test_the_console_script_leaves_with_the_exit_code(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["keyfuse", "--version"])
    with pytest.raises(SystemExit) as left:
        main.main()
    assert left.value.code == 0


@pytest.mark.parametrize(
    ("arguments", "collects"),
    [
        (["hook", "run"], False),
        (["scan", "--json", "--staged"], False),
        (["hook", "pre-push"], True),
        (["scan", "--history"], True),
    ],
)
def test_only_what_is_brief_does_not_collect_garbage(monkeypatch, arguments, collects):
    monkeypatch.setattr(sys, "argv", ["keyfuse", *arguments])
    monkeypatch.setattr(main, "run", lambda _: 10 + gc.isenabled())
    try:
        with pytest.raises(SystemExit) as left:
            main.main()
    finally:
        gc.enable()
    assert left.value.code == 10 + collects


def test_click_exceptions_keep_codes_of_their_own(monkeypatch, capsys):
    class Odd(click.ClickException):
        exit_code = 5

    def raise_it(*args, **kwargs):
        raise Odd("x")

    monkeypatch.setattr(cli.keyfuse, "main", raise_it)
    assert main.run(["scan"]) == 5


@pytest.mark.parametrize(
    "arguments",
    [
        "{}",
        "--{}",
        "keys {}",
        "keys verify {}",
        "keys list --{}",
        "keys list --limit {}",
        "serve {}",
        "serve --port {}",
        "scan {}",
        "scan --range {}",
        "scan --stdin --only {}",
        "scan --config {}",
        "scan --format {}",
        "scan --rules {}",
        "hook {}",
        "hook message {}",
        "rules show {}",
        "rules export {}",
        "baseline import {}",
        "audit verify {}",
        "github {}",
        "completion {}",
    ],
)
def test_a_key_where_none_belongs_is_in_no_output(keyfuse, monkeypatch, arguments):
    """Nobody's first try is right, and in a build what is printed is its log."""
    token = make_key().reveal()
    done = keyfuse(*arguments.format(token).split())
    assert done.code == 2
    assert token[-38:] not in done.out + done.err
    assert token[-38:-6] not in done.out + done.err


def test_nor_is_it_where_a_service_looks_for_its_settings(repo):
    token = make_key().reveal()
    done = script(repo, "serve", "--config", token)
    assert (done.returncode, token[-38:] in (done.stdout + done.stderr).decode()) == (2, False)


def test_rules_are_listed_and_shown(keyfuse):
    listed = keyfuse("rules", "list")
    assert listed.code == 0
    assert listed.out.startswith("keyfuse-key ")
    rules = json.loads(keyfuse("rules", "list", "--json").out)
    assert rules[0]["id"] == "keyfuse-key"
    assert len(rules) == len(listed.out.splitlines())
    shown = keyfuse("rules", "show", rules[1]["id"])
    assert f"id:            {rules[1]['id']}\n" in shown.out
    assert f"provider:      {rules[1]['provider']}\n" in shown.out
    assert f"revoke url:    {rules[1]['revoke_url']}\n" in shown.out
    assert json.loads(keyfuse("rules", "show", rules[1]["id"], "--json").out) == rules[1]
    assert keyfuse("rules", "show", "nosuch").code == 2


def test_the_shell_can_complete(repo):
    done = subprocess.run(
        [sys.executable, "-m", "keyfuse_scanner"],
        env={"_KEYFUSE_COMPLETE": "bash_complete", "COMP_WORDS": "keyfuse sca", "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "plain,scan\n"


def test_colour_on_a_terminal_unless_it_is_unwanted():
    from keyfuse_scanner.terminal import wants_colour

    class Terminal:
        def isatty(self):
            return True

    assert wants_colour(Terminal(), {"TERM": "xterm", "NO_COLOR": ""})
    assert not wants_colour(Terminal(), {"NO_COLOR": "1"})
    assert not wants_colour(Terminal(), {"TERM": "dumb"})


def test_a_coloured_report_differs_in_colour_only(repo, scan):
    from keyfuse_scanner.reports.text import render

    repo.write("a", KEY)
    repo.write("b", "cio_tp_" + "a" * 31)
    result = scan("files", ["."])
    low = result._replace(
        findings=[
            finding._replace(severity=type(finding.severity)(1)) for finding in result.findings
        ]
    )
    for shown in (result, low):
        coloured = "".join(render(shown, colour=True))
        plain = "".join(render(shown))
        assert coloured != plain
        for code in ("1", "31", "33", "0"):
            coloured = coloured.replace(f"\x1b[{code}m", "")
        assert coloured == plain


def test_sizes_are_rounded_for_people():
    from keyfuse_scanner.reports.counts import in_bytes

    assert [in_bytes(size) for size in (0, 999, 1500, 2_000_000, 3 * 10**9, 10**13)] == [
        "0 bytes", "999 bytes", "1.5 kB", "2 MB", "3 GB", "1e+04 GB",
    ]  # fmt: skip


def test_foreign_text_is_shown_harmlessly():
    assert harmless("a\n\x1b\x9b\u202eé") == "a\\x0a\\x1b\\x9b\\u202eé"
    assert path_text(b"\xff\xfe\xc3\xa9%") == "%FF%FEé%"
    with pytest.raises(UnicodeEncodeError):
        "é".encode("ascii", "keyfuse-percent")


def script(repo, *arguments, **ends):
    return subprocess.run(
        [sys.executable, "-m", "keyfuse_scanner", *arguments],
        cwd=repo.path,
        check=False,
        **{"stdin": subprocess.DEVNULL, "stdout": PIPE, "stderr": PIPE} | ends,
    )


@pytest.mark.parametrize("mode", ["--history", "--staged", "."])
@pytest.mark.parametrize("closed", [[0], [1], [2], [0, 1, 2]])
def test_closed_ends_change_nothing(repo, mode, closed):
    repo.commit(a_txt="x")
    repo.stage("b.txt", KEY)

    def close():
        for descriptor in closed:
            os.close(descriptor)

    done = script(repo, "scan", mode, preexec_fn=close)
    assert (done.returncode, done.stderr) == (1, b"")
    assert (b"b.txt:1:1" in done.stdout) == (1 not in closed)


def test_missing_ends_are_opened(monkeypatch):
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    terminal.open_ends()
    assert [end.fileno() for end in (sys.stdin, sys.stdout, sys.stderr)] == [0, 1, 2]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has it")  # noqa: PTH110 - a device
@pytest.mark.parametrize("mode", ["--history", "--staged", "."])
def test_a_full_disk_is_one_line(repo, mode):
    repo.commit(a_txt="x")
    repo.stage("b.txt", KEY)
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = script(repo, "scan", mode, stdout=full)
    line = b"keyfuse: the report cannot be written: no space left on device\n"
    assert (done.returncode, done.stderr) == (2, line)
    done = script(repo, "scan", mode, "--output", "/dev/full")
    assert (done.returncode, done.stderr) == (2, line)
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        assert script(repo, "scan", "no such file", stderr=full).returncode == 2
