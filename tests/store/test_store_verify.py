"""Verification: what each kind of key and each kind of question is answered."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_rules import Secret
from keyfuse_store import InvalidField, Issued, KeyStore
from keyfuse_store.settings import Settings
from support.backends import execute
from support.keys import break_checksum, make_key

DAY = timedelta(days=1)


def test_a_fresh_key_is_valid_and_names_itself(store: KeyStore, issued: Issued) -> None:
    verdict = store.verify(issued.token, scopes=["invoices:read"])
    assert (verdict.ok, verdict.code, verdict.key) == (True, "valid", issued.key)
    assert store.verify(issued.token.reveal()).ok
    assert store.verify("secret-token:" + issued.token.reveal()).ok


@pytest.mark.parametrize(
    "token",
    [None, 17, b"bytes", "", "x", "a" * 10_000, "ключ", "\ud800", "acme_live_kf1", ["list"]],
)
def test_what_is_no_key_is_malformed(store: KeyStore, token: object) -> None:
    verdict = store.verify(token)  # type: ignore[arg-type]
    assert (verdict.ok, verdict.code, verdict.key) == (False, "malformed", None)


@pytest.mark.parametrize("around", [" {}", "{}\n", "{} ", "Bearer {}", "{}\0", "secret-token: {}"])
def test_odd_white_space_is_malformed(store: KeyStore, issued: Issued, around: str) -> None:
    assert store.verify(around.format(issued.token.reveal())).code == "malformed"


@given(st.text())
def test_no_text_upsets_parsing(text: str) -> None:
    from keyfuse_rules.keyformat import parse_id
    from keyfuse_store.verify import Verifier

    class Silent:
        events = False

        def add(self, call: object) -> None:
            assert call.key_id is None  # type: ignore[attr-defined]

    verifier = Verifier.__new__(Verifier)
    verifier._older, verifier._usage = None, Silent()  # type: ignore[assignment]
    verifier._clock = int
    assert parse_id(text) is None
    assert verifier.verify(text).code == "malformed"


def test_a_wrong_checksum_never_touches_the_database(
    store: KeyStore, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    with KeyStore(store.database, store.peppers, store.settings) as other:
        monkeypatch.setattr(other._reader, "_anew", pytest.fail)
        assert other.verify(break_checksum(issued.token.reveal())).code == "malformed"


def test_a_key_nobody_issued_is_unknown(store: KeyStore) -> None:
    verdict = store.verify(make_key())
    assert (verdict.ok, verdict.code, verdict.key) == (False, "unknown", None)


def forged(issued: Issued) -> Secret:
    """A well-formed key with the id of an issued one and another secret."""
    from zlib import crc32

    from keyfuse_rules.base62 import encode_crc32

    token = issued.token.reveal()
    body = token[:-38] + ("A" if token[-38] != "A" else "B") + token[-37:-6]
    return Secret(body + encode_crc32(crc32(body.encode())))


@pytest.mark.parametrize("state", ["active", "suspended", "revoked"])
def test_a_wrong_secret_on_a_known_id_learns_nothing(
    store: KeyStore, issued: Issued, state: str
) -> None:
    if state == "suspended":
        store.suspend(issued.key.id, reason="pause")
    if state == "revoked":
        store.revoke(issued.key.id, reason="leaked")
    verdict = store.verify(forged(issued))
    assert (verdict.code, verdict.key) == ("unknown", None)


def test_states_are_told_to_who_holds_the_key(store: KeyStore, issued: Issued) -> None:
    store.suspend(issued.key.id, reason="pause")
    assert store.verify(issued.token).code == "suspended"
    store.resume(issued.key.id)
    assert store.verify(issued.token).ok
    store.revoke(issued.key.id, reason="leaked")
    verdict = store.verify(issued.token)
    assert verdict.code == "revoked"
    assert verdict.key is not None
    assert verdict.key.revoke_reason == "leaked"


def test_the_times_of_a_key(store: KeyStore, clock) -> None:
    begin = datetime.fromtimestamp(clock.now / 1e6, UTC) + DAY
    issued = store.issue(
        prefix="acme_live", owner="a@example.com", not_before=begin, expires_in=DAY
    )
    assert issued.key.expires == begin + DAY
    assert store.verify(issued.token).code == "not_yet_valid"
    clock.advance(DAY)
    assert store.verify(issued.token).ok
    clock.advance(DAY - timedelta(microseconds=1))
    assert store.verify(issued.token).ok
    clock.advance(timedelta(microseconds=1))
    assert store.verify(issued.token).code == "expired"


def test_a_predecessor_past_its_overlap_is_expired(store: KeyStore, issued: Issued, clock) -> None:
    execute(store, f"UPDATE kf_keys SET overlap_until = {clock.now + 1}")
    assert store.verify(issued.token).ok
    clock.now += 1
    assert store.verify(issued.token).code == "expired"


def test_scopes_all_of_and_any_of(store: KeyStore) -> None:
    token = store.issue(
        prefix="acme_live", owner="a@example.com", scopes=["invoices:*", "users:read@acct_1"]
    ).token
    assert store.verify(token, scopes=["invoices:read", "invoices:write"]).ok
    assert store.verify(token, scopes=["invoices:read", "users:read"]).code == "insufficient_scope"
    assert store.verify(token, scopes=["users:read"], resource="acct_1").ok
    assert not store.verify(token, scopes=["users:read"], resource="acct_2").ok
    assert store.verify(token, any_of=["payments:read", "invoices:read"]).ok
    assert store.verify(token, any_of=["payments:read"]).code == "insufficient_scope"
    assert not store.verify(token, scopes=["payments:read"], any_of=["invoices:read"]).ok


@pytest.mark.parametrize(
    "question",
    [
        {"scopes": "invoices:read"},
        {"any_of": "invoices:read"},
        {"scopes": ["invoices:*"]},
        {"scopes": [7]},
        {"scopes": iter(["invoices:read"])},
        {"cost": -1},
        {"cost": 1.5},
        {"cost": True},
        {"scopes": [["invoices:read"]]},
        {"any_of": [{"invoices": "read"}]},
        {"scopes": ["invoices:read"], "resource": ["acct_1"]},
    ],
)
def test_a_malformed_question_is_the_callers_mistake(
    store: KeyStore, issued: Issued, question: dict[str, object]
) -> None:
    with pytest.raises(InvalidField):
        store.verify(issued.token, **question)  # type: ignore[arg-type]


def test_no_wildcard_reaches_the_reserved_namespace(store: KeyStore) -> None:
    token = store.issue(prefix="acme_live", owner="a@example.com", scopes=["*:*"]).token
    assert store.verify(token, scopes=["anything:at.all"]).ok
    assert store.verify(token, scopes=["keyfuse:verify"]).code == "insufficient_scope"
    assert store.verify(token, scopes=["KEYFUSE:verify"]).code == "insufficient_scope"


def test_management_keys(store: KeyStore) -> None:
    def manager(*scopes: str) -> Secret:
        return store.issue(
            prefix="keyfuse_root", owner="a@example.com", scopes=scopes, admin=True
        ).token

    assert store.verify(manager("keyfuse:verify"), scopes=["keyfuse:verify"]).ok
    assert not store.verify(manager("keyfuse:verify"), scopes=["keyfuse:keys.read"]).ok
    assert store.verify(manager("keyfuse:admin"), scopes=["keyfuse:keys.read"]).ok
    assert not store.verify(manager("keyfuse:admin"), scopes=["invoices:read"]).ok


def test_addresses(store: KeyStore) -> None:
    token = store.issue(
        prefix="acme_live",
        owner="a@example.com",
        addresses=["203.0.113.0/24", "2001:db8::/32"],
    ).token
    for address in ("203.0.113.7", "::ffff:203.0.113.7", "2001:db8::1"):
        assert store.verify(token, client_address=address).ok, address
    for address in ("198.51.100.1", "2001:db9::1", "odd", "", None):
        assert store.verify(token, client_address=address).code == "address_denied", address
    for odd in (0xCB007107, bytes([203, 0, 113, 7])):
        assert store.verify(token, client_address=odd).code == "address_denied"  # type: ignore[arg-type]
    with pytest.raises(InvalidField):
        store.verify(token, client_address=["203.0.113.7"])  # type: ignore[arg-type]


def test_a_rate_limit_lets_a_burst_through_and_says_when_to_come_back(
    store: KeyStore, clock
) -> None:
    token = store.issue(prefix="acme_live", owner="a@example.com", rate_limit="3/minute").token
    assert [store.verify(token).code for _ in range(4)] == ["valid"] * 3 + ["rate_limited"]
    verdict = store.verify(token, cost=2)
    assert verdict.retry_after == pytest.approx(40)
    assert store.verify(token, cost=0).ok, "looking costs nothing"
    clock.advance(timedelta(seconds=40))
    assert store.verify(token, cost=2).ok
    assert store.verify(token, cost=4).retry_after is None, "it never fits"


def test_refused_calls_consume_nothing(store: KeyStore) -> None:
    token = store.issue(
        prefix="acme_live", owner="a@example.com", scopes=["a:b"], rate_limit="1/day"
    ).token
    assert store.verify(token, scopes=["c:d"]).code == "insufficient_scope"
    assert store.verify(token, scopes=["a:b"]).ok


def test_a_key_whose_pepper_is_gone_is_unavailable(
    store: KeyStore, issued: Issued, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with KeyStore.open(settings=settings, peppers={2: b"q" * 32}) as other:
        assert other.verify(issued.token).code == "unavailable"
        assert other.match([issued.token.reveal()]) == [None]
    assert issued.key.id in caplog.text


def test_new_keys_use_the_newest_pepper_and_old_ones_theirs(
    store: KeyStore, issued: Issued, settings: Settings
) -> None:
    with KeyStore.open(settings=settings, peppers={1: b"p" * 32, 2: b"q" * 32}) as other:
        newer = other.issue(prefix="acme_live", owner="a@example.com")
        assert other.verify(issued.token).ok
        assert other.verify(newer.token).ok
    assert store.verify(newer.token).code == "unavailable"


def test_a_broken_connection_is_opened_anew(store: KeyStore, issued: Issued) -> None:
    assert store.verify(issued.token).ok
    store._reader._held.local.held.driver.close()
    assert store.verify(issued.token).ok


def test_a_database_that_cannot_be_read_is_unavailable(store: KeyStore, issued: Issued) -> None:
    with store.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE kf_keys RENAME TO kf_lost")
    assert store.verify(issued.token).code == "unavailable"


def test_each_thread_has_its_own_connection(store: KeyStore, issued: Issued) -> None:
    codes: list[str] = []

    def work() -> None:
        codes.extend(store.verify(issued.token).code for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == ["valid"] * 200


def test_match_proves_whole_secrets_in_any_state(store: KeyStore, issued: Issued) -> None:
    dead = store.issue(prefix="acme_live", owner="a@example.com")
    store.revoke(dead.key.id, reason="leaked")
    tokens = [
        issued.token.reveal(),
        "no key",
        forged(issued).reveal(),
        dead.token.reveal(),
        make_key().reveal(),
        "secret-token:" + issued.token.reveal(),
    ]
    found = store.match(tokens * 200)
    assert [key.id if key else None for key in found[:6]] == [
        issued.key.id, None, None, dead.key.id, None, issued.key.id,
    ]  # fmt: skip
    assert found == list(found[:6]) * 200
    assert store.match([]) == []
