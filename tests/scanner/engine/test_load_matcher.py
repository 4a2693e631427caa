"""A matcher comes from the cache where that can be trusted, and is made anew where not."""

import os
import sys
from pathlib import Path

import pytest

from keyfuse_rules.model import Rule, Severity
from keyfuse_rules.pack import OWN, default_rules
from keyfuse_scanner import engine
from keyfuse_scanner.engine import cache, engine_facts, load_matcher, privatefolder
from support.keys import make_key

KEY = make_key().reveal().encode()
ACME = Rule("acme", "Acme", "Acme", "acme", Severity.LOW, (b"acme-tok-",), "acme-tok-[a-z]{8}")
RULES = [OWN, ACME]


def _kept_key() -> tuple[object, ...]:
    return engine._key(cache.packed_rules(RULES), True, engine_facts())


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list that grows with each compilation."""
    made: list[object] = []
    compile_ = engine._compile

    def counted(*args: object) -> cache.Compiled:
        made.append(args)
        return compile_(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "_compile", counted)
    return made


def _file() -> Path:
    (path,) = Path(privatefolder.cache_folder()).glob("engine-*")
    return path


def _finds_the_key() -> bool:
    found = load_matcher(RULES).matches(b"x " + KEY).items
    return [match.rule for match in found] == [OWN]


@pytest.mark.parametrize("native", [True, False])
def test_what_was_compiled_once_is_used_again(native: bool, compilations: list[object]) -> None:
    data = KEY + b" acme-tok-abcdefgh"
    first, second = (load_matcher(RULES, native=native).matches(data) for _ in range(2))
    assert [match[1:] for match in first.items] == [match[1:] for match in second.items]
    assert len(first.items) == 2
    assert len(compilations) == 1


def test_without_the_cache_nothing_is_read_or_written(compilations: list[object]) -> None:
    load_matcher(RULES, cache=False)
    load_matcher(RULES, cache=False)
    assert len(compilations) == 2
    assert not Path(privatefolder.cache_folder()).exists()


def test_other_rules_or_no_decoding_are_compiled_by_themselves(
    compilations: list[object],
) -> None:
    load_matcher(RULES)
    load_matcher(RULES, decode=False)
    load_matcher([OWN])
    assert len(compilations) == 3


def test_the_rules_that_come_with_keyfuse_are_not_parsed_again(
    compilations: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = tuple(
        rule for rule in default_rules() if rule.rule_id in {"keyfuse-key", "npm-access-token"}
    )
    monkeypatch.setattr("keyfuse_rules.pack.default_rules", lambda: few)
    load_matcher()
    monkeypatch.setattr("keyfuse_rules.pack.default_rules", lambda: pytest.fail("parsed"))
    assert len(load_matcher().matches(KEY).items) == 1
    assert len(compilations) == 1


def test_rules_come_back_from_the_cache_as_they_were() -> None:
    rules = default_rules()[:60]
    kept = cache.Compiled(tuple(rules), ())
    assert cache.store(("k",), kept)
    loaded = cache.load(("k",))
    assert loaded is not None
    assert list(loaded.rules) == list(rules)
    assert loaded.rules[3:5] == list(rules[3:5])
    assert {type(rule.severity) for rule in loaded.rules} == {Severity}


@pytest.mark.parametrize("place", [0, 3, 63, 64, 68, 70, 300, 5_000, -1])
def test_a_damaged_cache_is_made_anew(place: int, compilations: list[object]) -> None:
    load_matcher(RULES)
    raw = bytearray(_file().read_bytes())
    raw[place] ^= 0x55
    _file().write_bytes(raw)
    assert _finds_the_key()
    assert _finds_the_key()
    assert len(compilations) == 2


def test_a_truncated_or_empty_cache_is_made_anew(compilations: list[object]) -> None:
    for size in (0, 3, 4, 50):
        load_matcher(RULES)
        _file().write_bytes(_file().read_bytes()[:size])
        assert _finds_the_key()
    assert len(compilations) == 5


def test_a_key_that_merely_has_the_same_file_name_is_another(
    monkeypatch: pytest.MonkeyPatch, compilations: list[object]
) -> None:
    monkeypatch.setattr(cache, "_name", lambda _: "engine-same")
    load_matcher(RULES)
    assert [match.rule.rule_id for match in load_matcher([ACME]).matches(KEY).items] == []
    assert len(compilations) == 2


def test_a_database_that_the_library_refuses_is_made_anew(compilations: list[object]) -> None:
    native = pytest.importorskip("keyfuse_scanner.engine.native")
    load_matcher(RULES)
    kept = cache.load(_kept_key())
    assert kept is not None
    for place in (5, 12, 20, 500):  # version, CPU, checksum and content
        other = bytearray(kept.database)
        other[place] ^= 0x01
        with pytest.raises(native.hyperscan.error):
            native.loaded(bytes(other))
        cache.store(_kept_key(), kept._replace(database=bytes(other)))
        compilations.clear()
        assert _finds_the_key()
        assert len(compilations) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_cache_that_others_may_read_or_write_is_not_used(compilations: list[object]) -> None:
    load_matcher(RULES)
    _file().chmod(0o644)
    load_matcher(RULES)
    assert len(compilations) == 2
    _file().parent.chmod(0o755)
    load_matcher(RULES)
    assert len(compilations) == 3
    assert (_file().parent.stat().st_mode & 0o777, _file().stat().st_mode & 0o777) == (0o700, 0o600)


def test_a_cache_within_a_repository_is_neither_read_nor_written(
    compilations: list[object], tmp_path: Path
) -> None:
    load_matcher(RULES)
    (tmp_path / ".git").mkdir()
    load_matcher(RULES)
    load_matcher(RULES)
    assert len(compilations) == 3


def test_without_the_native_library_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    monkeypatch.delitem(sys.modules, "keyfuse_scanner.engine.native", raising=False)
    monkeypatch.delattr(engine, "native", raising=False)
    facts = engine_facts()
    assert facts.engine == "regex"
    assert facts.reason is not None
    assert facts.reason.startswith("hyperscan cannot be imported")
    assert len(load_matcher(RULES).matches(KEY).items) == 1


def test_a_cache_that_cannot_be_written_is_done_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "below"))
    assert len(load_matcher(RULES).matches(KEY).items) == 1


def test_importing_the_facade_costs_no_import_that_a_hook_cannot_afford() -> None:
    import subprocess

    script = (
        "import sys; from keyfuse_scanner.engine import load_matcher;"
        "load_matcher().matches(b'nothing'); print(*sys.modules)"
    )
    # Measuring coverage imports most of these itself.
    environ = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    for _ in range(2):  # the first run fills the cache
        printed = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, check=True, env=environ
        ).stdout.decode()
    loaded = set(printed.split())
    assert loaded.isdisjoint(
        {"regex", "json", "tomllib", "subprocess", "hashlib", "click", "dataclasses", "pathlib"}
        | {"importlib.metadata", "keyfuse_rules.decoding.layers", "keyfuse_rules.triggers"}
    )
