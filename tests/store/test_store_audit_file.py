"""The exported record: any change to it is noticed without a database."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyfuse_store import InvalidField, KeyStore, audit, audit_file, chain
from keyfuse_store.chain import Head
from keyfuse_store.peppers import PepperRing
from support.backends import execute
from support.keys import make_key

RING = PepperRing({1: b"p" * 32, 2: b"q" * 32})


def record(count: int) -> list[str]:
    """An exported record that was begun under an older pepper, made without a database."""
    lines, mac = [], chain.START
    for seq in range(1, count + 1):
        row = {
            "seq": seq, "at": 10**15 + seq, "actor": "cli:root", "origin": None,
            "action": "key.issued", "subject": f"key{seq}", "detail": '{"n":1}',
            "pepper_version": 1 if seq < 4 else 2,
        }  # fmt: skip
        mac = chain.link(chain.chain_key(RING, int(str(row["pepper_version"]))), mac, row)
        lines.append(json.dumps(row | {"mac": mac.hex()}))
    return lines


LINES = record(8)
HEAD = Head(8, bytes.fromhex(json.loads(LINES[-1])["mac"]))


def check(lines: list[str], *heads: Head) -> str | None:
    return chain.check(audit_file.read(lines), RING, heads)[0].problem


def test_an_unaltered_record_holds() -> None:
    report, head = chain.check(audit_file.read(LINES), RING, [HEAD])
    assert (report, head) == ((8, None), HEAD)
    assert check([]) is None
    assert chain.parse_head(str(HEAD)) == HEAD


def _change(lines: list[str], data: st.DataObject) -> list[str]:
    place = data.draw(st.integers(0, len(lines) - 1))
    entry = json.loads(lines[place])
    name = data.draw(st.sampled_from(sorted(entry)))
    if name == "mac":
        value: object = data.draw(st.binary(max_size=40)).hex()
    elif isinstance(entry[name], int):
        value = data.draw(st.integers(-5, 20))
    else:
        value = data.draw(st.none() | st.text(max_size=5))
    return [*lines[:place], json.dumps(entry | {name: value}), *lines[place + 1 :]]


def _remove(lines: list[str], data: st.DataObject) -> list[str]:
    place = data.draw(st.integers(0, len(lines) - 1))
    return lines[:place] + lines[place + 1 :]


def _insert(lines: list[str], data: st.DataObject) -> list[str]:
    place = data.draw(st.integers(0, len(lines)))
    return [*lines[:place], data.draw(st.sampled_from(lines)), *lines[place:]]


def _swap(lines: list[str], data: st.DataObject) -> list[str]:
    return list(data.draw(st.permutations(lines)))


def _cut(lines: list[str], data: st.DataObject) -> list[str]:
    return lines[: data.draw(st.integers(0, len(lines)))]


@pytest.mark.parametrize("tamper", [_change, _remove, _insert, _swap, _cut])
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_tampering_is_noticed(
    tamper: Callable[[list[str], st.DataObject], list[str]], data: st.DataObject
) -> None:
    altered = tamper(LINES, data)
    try:
        problem = check(altered, HEAD)
    except InvalidField:
        return
    same = [json.loads(line) for line in altered] == [json.loads(line) for line in LINES]
    assert (problem is None) == same


def test_a_cut_tail_is_noticed_against_a_noted_head_only() -> None:
    assert check(LINES[:5]) is None
    assert check(LINES[:5], HEAD) == "entries after 5 are missing: there were 8"
    early = Head(3, bytes.fromhex(json.loads(LINES[2])["mac"]))
    assert check(LINES[:5], early) is None


def test_another_history_of_the_same_length_is_noticed() -> None:
    assert check(LINES, Head(8, bytes(32))) == "entry 8 is not the one whose head was noted"


def test_a_record_of_other_peppers_says_so() -> None:
    report, _ = chain.check(audit_file.read(LINES), PepperRing({2: b"q" * 32}))
    assert report == (0, "entry 1 needs pepper 1")
    report, _ = chain.check(audit_file.read(LINES), PepperRing({1: b"x" * 32}))
    assert report == (0, "entry 1 is not what was written")


@pytest.mark.parametrize(
    "line",
    ["", "7", "[]", "{", "{}", json.dumps({"seq": 1}), LINES[0].replace('"seq": 1', '"seq": "1"'),
     LINES[0].replace('"mac": "', '"mac": "x'), json.dumps(json.loads(LINES[0]) | {"mac": 7}),
     json.dumps(json.loads(LINES[0]) | {"more": 7}), "[" * 100_000],
)  # fmt: skip
def test_what_is_no_entry_is_named_by_its_line(line: str) -> None:
    with pytest.raises(InvalidField, match="line 3 is no audit entry"):
        check([*LINES[:2], line])


@pytest.mark.parametrize("text", ["", "8", "8:", f"8:{'a' * 63}", f"-8:{'a' * 64}", "x" * 1000])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(InvalidField, match="head"):
        chain.parse_head(text)


def test_what_the_store_exports_is_what_it_verifies(store: KeyStore, tmp_path: Path) -> None:
    token = make_key().reveal()
    for number in range(3):
        key = store.issue(prefix="acme_live", owner=f"{number}@example.com", name="Köln").key
        store.revoke(key.id, reason=f"found {token} \0 \x1b[31m on\nthe way", actor="a\0b")
    with store.read() as connection:
        exported = list(audit_file.export(connection))
        assert exported[-1][1] == audit.head(connection)
    lines = [line for line, _ in exported]
    assert not any(token[-38:] in line for line in lines)
    report, head = chain.check(audit_file.read(lines), store.peppers, [exported[3][1]])
    assert (report, head) == ((9, None), exported[-1][1])


def test_a_head_goes_to_the_log_when_a_store_is_opened(
    store: KeyStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.issue(prefix="acme_live", owner="a@example.com")
    caplog.set_level("INFO", "keyfuse_store")
    with KeyStore.open(settings=store.settings, peppers=store.peppers) as again, again.read() as c:
        assert f"the audit record ends at {audit.head(c)}" in caplog.text
    execute(store, "DELETE FROM kf_audit_head")
    KeyStore.open(settings=store.settings, peppers=store.peppers).close()
    assert "has lost its head" in caplog.text
