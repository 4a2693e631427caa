"""Patterns of paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_scanner.globs import compile_globs


@pytest.mark.parametrize(
    ("pattern", "named", "others"),
    [
        ("*.lock", ["a.lock", "x/y/a.lock", "a.lock/b"], ["a.lock2", "lock"]),
        ("vendor", ["vendor", "vendor/a", "x/vendor/a/b"], ["vendors", "xvendor/a"]),
        ("vendor/", ["vendor/a", "x/vendor/a"], ["vendor"]),
        ("/vendor", ["vendor/a"], []),
        ("tests/*.py", ["tests/a.py"], ["tests/x/a.py", "x/tests/a.py"]),
        ("tests/**", ["tests/a", "tests/x/a.py"], ["tests", "x/tests/a"]),
        ("**/fixtures/*.json", ["fixtures/a.json", "a/b/fixtures/c.json"], ["fixtures/a/b.json"]),
        ("a?c", ["abc"], ["ac", "a/c"]),
        ("a.c[1]", ["a.c[1]"], ["abc1"]),
        ("./a/b", ["a/b", "a/b/c"], ["x/a/b"]),
        ("a*b*c", ["abc", "x/a1b2b3c", "abcbc"], ["ab/c", "abcb", "acb"]),
        ("a/**/b*c", ["a/bc", "a/bc/x/bxc", "a/b/bc"], ["a/b/c", "abc"]),
        ("x/**/y/**/*.z", ["x/y/a.z", "x/1/y/y/2/a.z.z"], ["x/y.z", "y/a.z"]),
        ("a**/b", ["a/b", "ax/y/b"], ["ab"]),
        ("**a**b", ["ab", "x/a/y/b", "aba/b"], ["ba"]),
        ("café/*", ["café/x"], ["cafe/x"]),
    ],
)
def test_what_a_pattern_names(pattern, named, others):
    glob = compile_globs([pattern])
    assert [path for path in named if not glob.fullmatch(path.encode())] == []
    assert [path for path in others if glob.fullmatch(path.encode())] == []


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 20 + "b", "a" * 250),
        ("**a" * 20 + "b", "a" * 4_000),
        ("**/*a/" * 20 + "b", "a/" * 2_000),
    ],
)
def test_no_pattern_tries_a_path_for_ever(pattern, path):
    assert compile_globs([pattern]).fullmatch(path.encode()) is None


def test_no_pattern_is_no_expression():
    assert compile_globs([]) is None


@given(st.lists(st.text(alphabet="ab/*?.[\\", min_size=1, max_size=8), min_size=1))
def test_every_pattern_can_be_compiled(patterns):
    assert compile_globs(patterns) is not None
