"""keyfuse.toml and [tool.keyfuse]."""

import os
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_rules.model import Severity
from keyfuse_scanner.dates import parse_since
from keyfuse_scanner.errors import PolicyError
from keyfuse_scanner.policy import Policy, load_policy
from keyfuse_scanner.policy_fields import parse_severity, parse_size
from keyfuse_scanner.service_settings import SERVICE_SETTINGS


def test_without_a_file_defaults_hold(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "pyproject.toml").write_text("this is no TOML and none of our business")
    assert load_policy(tmp_path) == Policy()


def test_the_file_is_looked_for_up_to_the_repository(tmp_path):
    (tmp_path / "keyfuse.toml").write_text('fail_on = "low"\nonly = ["x"]')
    (tmp_path / "repo/sub/sub").mkdir(parents=True)
    (tmp_path / "repo/.git").write_text("gitdir: elsewhere")
    assert load_policy(tmp_path / "repo/sub/sub") == Policy()
    (tmp_path / "repo/keyfuse.toml").write_text(
        'only = ["keyfuse-key"]\nfail-on = "high"\nmax_file_size = "2m"\n'
    )
    file = str(tmp_path / "repo/keyfuse.toml")
    expected = Policy(file, ("keyfuse-key",), Severity.HIGH, 2 * 1024 * 1024)
    assert load_policy(tmp_path / "repo/sub/sub") == expected


def test_a_table_in_pyproject_counts_where_there_is_no_file_of_its_own(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.keyfuse]\nmax-file-size = 5\n")
    assert load_policy(tmp_path).max_file_size == 5
    (tmp_path / "keyfuse.toml").write_text("max-file-size = 6\n")
    assert load_policy(tmp_path).max_file_size == 6
    assert load_policy(tmp_path, tmp_path / "pyproject.toml").max_file_size == 5
    (tmp_path / "pyproject.toml").write_text("# keyfuse is mentioned\n")
    assert load_policy(tmp_path, tmp_path / "pyproject.toml") == Policy()


@pytest.mark.parametrize("name", sorted(SERVICE_SETTINGS))
def test_settings_of_the_service_are_refused_by_name(tmp_path, name):
    (tmp_path / "keyfuse.toml").write_text(f'{name} = "x"\n')
    with pytest.raises(PolicyError, match=f"{name} is a setting of the service"):
        load_policy(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense = 1", "nonsense is no setting; there are only, fail_on, max_file_size, "),
        ("source = 1", "source is no setting"),
        ("only = 5", "only: must be a list of rule ids"),
        ("disabled = [5]", "disabled: must be a list of rule ids"),
        ("rule_files = 'x'", "rule_files: must be a list of files and folders"),
        ("rules = 'x'", "rules: must be tables, [[rules]]"),
        ("rule_set = 'strict'", "rule_set: 'strict' is no set of rules; there are default, gen"),
        ("only = [5]", "only: must be a list of rule ids"),
        ('fail_on = "worst"', "fail_on: 'worst' is no severity"),
        ("max_file_size = []", "max_file_size: "),
        ("baseline = 5", "baseline: must be the name of a file"),
        ("ignore_file = ''", "ignore_file: must be the name of a file"),
        ("honour = ['nobody']", "honour: 'nobody' is not one of betterleaks, "),
        ("ignores = 'x'", "ignores: must be a list of paths, or of tables"),
        ("ignores = ['*', '!a']", "ignores: '!a': nothing is taken back here"),
        ("ignores = [{paths = ['!a']}]", "ignores: '!a': nothing is taken back here"),
        ("ignores = [5]", "ignores: each must be a path, or a table"),
        ("ignores = [{colour = 'red'}]", "ignores: 'colour' is none of paths, rules, "),
        ("ignores = [{paths = ['x'], reason = 5}]", "ignores: reason must be text"),
        ("ignores = [{reason = 'none named'}]", "ignores: an entry must name paths, rules or "),
        ("= =", "Invalid"),
        ("only = " + "[" * 5000, "is nested too deeply"),
        ("[[key_types]]\nprefix = 1", "key_types is a setting of the service"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_it(tmp_path, text, message):
    (tmp_path / "keyfuse.toml").write_text(text)
    with pytest.raises(PolicyError) as raised:
        load_policy(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path}/keyfuse.toml: ")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(PolicyError, match="no such file"):
        load_policy(tmp_path, tmp_path / "nosuch")
    (tmp_path / "keyfuse.toml").mkdir()
    with pytest.raises(PolicyError, match="is a directory"):
        load_policy(tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    with pytest.raises(PolicyError, match=r"bytes\.toml"):
        load_policy(tmp_path, tmp_path / "bytes.toml")


def test_a_table_of_the_project_that_is_none_is_refused(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool]\nkeyfuse = 3\n")
    with pytest.raises(PolicyError, match="must be a table"):
        load_policy(tmp_path)
    (tmp_path / "pyproject.toml").write_text("tool = 'keyfuse'\n")
    assert load_policy(tmp_path) == Policy()


@pytest.mark.parametrize(
    "name", ["keyfuse.toml", "pyproject.toml", ".keyfuseignore", ".keyfuse-baseline", "rules.toml"]
)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_may_never_end_is_not_read(repo, keyfuse, name, kind):
    if name == "rules.toml":
        repo.write("keyfuse.toml", 'rule_files = ["rules.toml"]\n')
    if kind == "pipe":
        os.mkfifo(repo.path / name)
    else:
        (repo.path / name).symlink_to("/dev/zero")
    done = keyfuse("scan", "keyfuse.toml" if name == "rules.toml" else ".git/config")
    assert done.code == 2
    assert name in done.err
    assert "no regular file" in done.err


def test_a_policy_that_nobody_wrote_is_not_read(tmp_path):
    with (tmp_path / "keyfuse.toml").open("wb") as file:
        file.truncate(33 * 1024 * 1024)
    with pytest.raises(PolicyError, match="is too large"):
        load_policy(tmp_path)


@given(st.integers(0, 10**9), st.sampled_from(["", "k", "K", "m", "g", "kb", "MB", "gib", "b"]))
def test_sizes(number, unit):
    factor = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}[unit.lower()[:1]]
    assert parse_size(f"{number}{unit}") == number * factor


@pytest.mark.parametrize("text", ["", "k", "-1", "1.5m", "1 t", "٣"])
def test_what_is_no_size(text):
    with pytest.raises(ValueError, match="is no size"):
        parse_size(text)


def test_severities():
    assert [parse_severity(severity.label) for severity in Severity] == list(Severity)


NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30s", datetime(2026, 1, 31, 11, 59, 30, tzinfo=UTC)),
        ("15m", datetime(2026, 1, 31, 11, 45, tzinfo=UTC)),
        ("24h", datetime(2026, 1, 30, 12, tzinfo=UTC)),
        ("90d", datetime(2025, 11, 2, 12, tzinfo=UTC)),
        ("2025-12-31", datetime(2025, 12, 31, tzinfo=UTC)),
        ("2025-12-31T10:00:00+02:00", datetime(2025, 12, 31, 8, tzinfo=UTC)),
    ],
)
def test_points_in_time(text, moment):
    assert parse_since(text, NOW) == moment.timestamp()


def test_what_is_no_point_in_time():
    with pytest.raises(ValueError, match="is no date"):
        parse_since("yesterday")
    assert parse_since("1900-01-01") == 0
