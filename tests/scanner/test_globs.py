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
        ("café/*", ["café/x"], ["cafe/x"]),
    ],
)
def test_what_a_pattern_names(pattern, named, others):
    glob = compile_globs([pattern])
    assert [path for path in named if not glob.fullmatch(path.encode())] == []
    assert [path for path in others if glob.fullmatch(path.encode())] == []


def test_no_pattern_is_no_expression():
    assert compile_globs([]) is None


@given(st.lists(st.text(alphabet="ab/*?.[\\", min_size=1, max_size=8), min_size=1))
def test_every_pattern_can_be_compiled(patterns):
    assert compile_globs(patterns) is not None
