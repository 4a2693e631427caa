"""The short way past click takes what click takes, as click takes it, and nothing else."""

from itertools import chain, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_scanner import commands_hook, commands_scan, hook, scan_command
from keyfuse_scanner.main import _run_click, run
from keyfuse_scanner.scan_request import Request
from keyfuse_scanner.shortcut import shortcut
from support.keys import make_key

FLAGS = (
    *("--staged", "--history", "--all", "--exit-zero", "--json", "--no-cache", "--no-decode"),
    "--show-secrets",
)
ODD = (
    *("--stdin", "--format", "text", "--format=json", "--staged=1", "--stage", "--STAGED", "-s"),
    *("-", "--", "", ".", "--help", "-h", "--version", "scan", "hook", "run", "--no-staged"),
)
WORDS = st.sampled_from((*FLAGS, *FLAGS, *ODD))
VALUED = ("--only", "--rules", "--jobs", "--format")
VALUES = (
    *("1", "02", "8", "0", "-1", "+1", "1_0", " 1", "1.5", "", "٣", "99999", "9" * 5000),
    *("json", "sarif", "JSON", "xml", "keyfuse-key", "a/b", "~", "--history", "--", "-", "é", "."),
)


@pytest.fixture(scope="module")
def asked():
    """Return a function that tells what a way of calling would do."""
    calls = []

    def scan(request, glimpse=None):
        calls.append(request)
        return 0

    def hooked():
        calls.append("hook")
        return 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan_command, "run", scan)
        patch.setattr(commands_scan, "run", scan)
        patch.setattr(hook, "run", hooked)
        patch.setattr(commands_hook.hooks, "run", hooked)
        patch.setattr("keyfuse_scanner.glance.glance", lambda **_: None)

        def call(way):
            calls.clear()
            return way(), list(calls)

        yield call


def both_agree(asked, arguments):
    command = shortcut(arguments)
    if command is not None:
        assert asked(command) == asked(lambda: _run_click(arguments))
    return command is not None


def test_every_short_line_of_words(asked, capsys):
    taken = [
        arguments
        for length in range(4)
        for words in product((*FLAGS[:4], *ODD), repeat=length)
        for arguments in ([*words], ["scan", *words], ["hook", *words], ["hook", "run", *words])
        if both_agree(asked, arguments)
    ]
    assert ["hook", "run"] in taken
    assert ["scan", "--staged", "--all"] in taken
    assert all(arguments[0] in {"hook", "scan"} for arguments in taken)


@given(st.lists(WORDS, max_size=9))
def test_any_words_behind_scan(asked, words):
    both_agree(asked, ["scan", *words])


@given(st.lists(st.sampled_from((*VALUED, *VALUED, *VALUES, *FLAGS)), max_size=8))
def test_any_values_behind_history(asked, words):
    both_agree(asked, ["scan", "--history", *words])


@pytest.mark.parametrize(
    "words",
    [
        ["."],
        ["--jobs", "2", "repository"],
        ["--format", "json", "--only", "a", "--only", "b", "--no-decode", "one", "two"],
        ["--rules", "r", "--rules", "s", "--jobs", "2", "--jobs", "3"],
    ],
)
def test_what_history_is_scanned_with_most_goes_the_short_way(asked, words):
    assert both_agree(asked, ["scan", "--history", *words])
    assert both_agree(asked, ["scan", *words, "--history"])
    assert not both_agree(asked, ["scan", "--staged", *words])


@pytest.mark.parametrize(
    "words",
    [
        *(["--jobs", number] for number in ("0", "-1", "x", "٣", "", "1_0")),
        *(["--format", name] for name in ("JSON", "xml", "")),
        *([name] for name in VALUED),
        *(["--jobs=2"], ["--only", "--history"], ["--", "x"], ["-x"], [""]),
    ],
)
def test_what_is_not_that_plain_is_left_to_click(asked, capsys, words):
    assert not both_agree(asked, ["scan", "--history", *words])


@given(st.lists(st.sampled_from(FLAGS), min_size=1, max_size=8))
def test_flags_alone_go_the_short_way(asked, flags):
    assert both_agree(asked, ["scan", *flags]) == bool({"--staged", "--history"} & set(flags))


def test_the_short_way_is_taken_and_says_the_same(repo, keyfuse, monkeypatch):
    repo.stage("a", make_key().reveal())
    lines = [["hook", "run"], ["scan", "--staged"], ["scan", "--staged", "--json"]]
    lines += [["scan", "--history", "--exit-zero"], ["scan", "--staged", "--no-decode", "--all"]]
    short = [keyfuse(*arguments) for arguments in lines]
    monkeypatch.setattr("keyfuse_scanner.main.shortcut", lambda _: None)
    assert [keyfuse(*arguments) for arguments in lines] == short
    monkeypatch.setattr("keyfuse_scanner.main.shortcut", lambda _: lambda: 77)
    assert run(["scan", "--staged"]) == 77


def test_the_options_of_the_short_way_are_those_of_a_request():
    from keyfuse_scanner.shortcut import _SCAN_FLAGS

    assert set(_SCAN_FLAGS) == set(FLAGS)
    assert set(_SCAN_FLAGS.values()) <= set(Request._fields)
    assert set(chain.from_iterable(option.opts for option in commands_scan.scan.params)) >= set(
        FLAGS
    )
