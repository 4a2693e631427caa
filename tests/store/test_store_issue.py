"""Issuing: every field is limited and named, and the plaintext is in the answer only."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfuse_rules.keyformat import RANDOMNESS_LENGTH
from keyfuse_store import InvalidField, Issued, KeyStore, OwnerNotFound, StoreError
from keyfuse_store.settings import Settings
from support.keys import make_key

NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)


def order(**changes: object) -> dict[str, object]:
    return {"prefix": "acme_live", "owner": "owner@example.com", "name": "ci", **changes}


def test_what_was_asked_for_is_what_is_kept(store: KeyStore) -> None:
    issued = store.issue(
        prefix="acme_live",
        owner="owner@example.com",
        name="Rechnungen für Köln",
        scopes=["invoices:read", "invoices:read", "users:*"],
        meta={"team": "blue", "cost_center": 7, "tags": ["a", None]},
        expires_at=NOW + timedelta(days=3),
        rate_limit="100/minute",
        quota="10000/month",
        addresses=["203.0.113.7"],
    )
    key = store.get(issued.key.id)
    assert key == issued.key
    assert key.name == "Rechnungen für Köln"
    assert key.scopes == ("invoices:read", "users:*")
    assert key.meta == {"team": "blue", "cost_center": 7, "tags": ["a", None]}
    assert (key.created, key.expires) == (NOW, NOW + timedelta(days=3))
    assert (key.rate_limit, key.quota) == ("100/minute", "10000/month")
    assert key.addresses == ("203.0.113.7/32",)
    assert (key.not_before, key.revoked, key.last_used) == (None, None, None)
    assert (key.quarantine_scopes, key.revoke_evidence) == (None, None)
    assert key.as_json()["expires"] == "2027-01-18T08:00:00Z"


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("prefix", {"prefix": ""}),
        ("prefix", {"prefix": "Acme"}),
        ("prefix", {"prefix": "ghp"}),
        ("prefix", {"prefix": "keyfuse_root"}),
        ("prefix", {"prefix": None}),
        ("prefix", {"prefix": "a" * 41}),
        ("prefix", {"prefix": "acme_live", "admin": True}),
        ("owner", {"owner": ""}),
        ("owner", {"owner": "no address"}),
        ("owner", {"owner": "a@b.example\nBcc: c@d.example"}),
        ("owner", {"owner": "a@b.example, c@d.example"}),
        ("owner", {"owner": "a@b..example"}),
        ("owner", {"owner": "a@.b"}),
        ("owner", {"owner": "a@b.example."}),
        ("owner", {"owner": "=?utf-8?q?a=40b.example=2C?=@d.example"}),
        ("owner", {"owner": f"{'a' * 250}@b.example"}),
        ("name", {"name": "n" * 121}),
        ("name", {"name": "a\0b"}),
        ("name", {"name": "a\x1b[31m"}),
        ("name", {"name": "a\u202eb"}),
        ("name", {"name": "a\ud800"}),
        ("name", {"name": 7}),
        ("scopes", {"scopes": "invoices:read"}),
        ("scopes", {"scopes": ["invoices"]}),
        ("scopes", {"scopes": ["invoices:read\n"]}),
        ("scopes", {"scopes": [["a:b"]]}),
        ("scopes", {"scopes": ["keyfuse:admin"]}),
        ("scopes", {"scopes": ["KeyFuse:admin"]}),
        ("scopes", {"scopes": [f"a:b{number}" for number in range(51)]}),
        ("scopes", {"prefix": "keyfuse_root", "admin": True, "scopes": ["invoices:read"]}),
        ("scopes", {"prefix": "keyfuse_root", "admin": True, "scopes": ["keyfuse:*"]}),
        ("meta", {"meta": ["list"]}),
        ("meta", {"meta": {7: "x"}}),
        ("meta", {"meta": {"x": float("nan")}}),
        ("meta", {"meta": {"x": object()}}),
        ("meta", {"meta": {"x": "y" * 4096}}),
        ("not_before", {"not_before": NOW - timedelta(seconds=1)}),
        ("not_before", {"not_before": datetime(2030, 1, 1)}),  # noqa: DTZ001 - the mistake under test
        ("expires_at", {"expires_at": NOW}),
        ("expires_at", {"not_before": NOW + timedelta(2), "expires_at": NOW + timedelta(1)}),
        ("expires_in", {"expires_in": timedelta(0)}),
        ("expires_in", {"expires_in": timedelta(days=-1)}),
        ("expires_in", {"expires_in": timedelta(days=3_000_000)}),
        ("expires_in", {"expires_in": timedelta(1), "expires_at": NOW + timedelta(1)}),
        ("rate_limit", {"rate_limit": "100"}),
        ("rate_limit", {"rate_limit": "0/minute"}),
        ("rate_limit", {"rate_limit": "-1/minute"}),
        ("rate_limit", {"rate_limit": "1/fortnight"}),
        ("quota", {"quota": "-5/month"}),
        ("quota", {"quota": 7}),
        ("addresses", {"addresses": "203.0.113.0/24"}),
        ("addresses", {"addresses": ["203.0.113.1/24"]}),
        ("addresses", {"addresses": [7]}),
        ("addresses", {"addresses": ["10.0.0.1"] * 51}),
        ("addresses", {"addresses": None}),
        ("scopes", {"scopes": 5}),
        ("scopes", {"scopes": None}),
        ("not_before", {"not_before": "2027-01-31"}),
        ("expires_at", {"expires_at": 1_800_000_000}),
        ("expires_in", {"expires_in": 90}),
        ("actor", {"actor": ["ops"]}),
        ("origin", {"origin": {"from": "here"}}),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_issued(
    store: KeyStore, field: str, change: dict[str, object]
) -> None:
    with pytest.raises(InvalidField) as error:
        store.issue(**order(**change))  # type: ignore[arg-type]
    assert error.value.field == field
    assert "\n" not in str(error.value)
    assert store.list() == []


@pytest.mark.parametrize("field", ["name", "owner", "prefix", "meta", "scopes", "addresses"])
def test_a_key_in_the_wrong_field_is_refused_and_not_repeated(store: KeyStore, field: str) -> None:
    token = make_key().reveal()
    listed = {"meta": {"old": token}, "scopes": [token], "addresses": [token]}
    value = listed.get(field, token)
    with pytest.raises(InvalidField) as raised:
        store.issue(**order(**{field: value}))  # type: ignore[arg-type]
    error: BaseException | None = raised.value
    while error is not None:  # what reports errors may follow what a traceback leaves out
        assert token[-38:] not in f"{error!r} {vars(error)}"
        error = error.__context__


@given(st.text(max_size=200))
def test_any_name_is_kept_as_it_is_or_refused(text: str) -> None:
    from keyfuse_store import fields

    if len(text) <= 120 and text.isprintable():
        assert fields.line("name", text) == text
    else:
        with pytest.raises(InvalidField):
            fields.line("name", text)


def test_an_owner_is_added_once_whatever_the_case_of_the_address(store: KeyStore) -> None:
    first = store.issue(prefix="acme_live", owner="Owner@Example.com").key
    second = store.issue(prefix="acme_live", owner="owner@example.com").key
    third = store.issue(prefix="acme_live", owner=first.owner_id).key
    assert first.owner_id == second.owner_id == third.owner_id
    assert second.owner == "Owner@Example.com"


def test_an_owner_id_that_nobody_has(store: KeyStore) -> None:
    with pytest.raises(OwnerNotFound):
        store.issue(prefix="acme_live", owner="own_0123456789abcdef")


def test_a_taken_id_is_drawn_again(settings: Settings) -> None:
    draws: Iterator[bytes] = iter(
        [bytes([1]) * RANDOMNESS_LENGTH] * 2 + [bytes([2]) * RANDOMNESS_LENGTH]
    )

    def token_bytes(count: int) -> bytes:
        return next(draws) if count == RANDOMNESS_LENGTH else bytes(count)

    with KeyStore.open(settings=settings, peppers={1: b"p" * 32}, token_bytes=token_bytes) as store:
        one = store.issue(prefix="acme_live", owner="a@example.com")
        two = store.issue(prefix="acme_test", owner="a@example.com")
        assert one.key.id != two.key.id
        assert store.verify(one.token).ok
        assert store.verify(two.token).ok


def test_a_random_source_that_repeats_itself_is_no_endless_loop(settings: Settings) -> None:
    with KeyStore.open(settings=settings, peppers={1: b"p" * 32}, token_bytes=bytes) as store:
        store.issue(prefix="acme_live", owner="a@example.com")
        with pytest.raises(StoreError, match="repeats itself"):
            store.issue(prefix="acme_live", owner="a@example.com")


def test_the_plaintext_is_nowhere_but_in_the_answer(
    settings: Settings, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "sqlalchemy.engine")
    with KeyStore.open(settings=settings, peppers={1: b"p" * 32}) as store:
        issued: Issued = store.issue(prefix="acme_live", owner="a@example.com")
        store.verify(issued.token)
        store.match([issued.token.reveal()])
    assert "INSERT INTO kf_keys" in caplog.text
    secret = issued.token.reveal()[-38:]
    assert secret not in repr(issued)
    assert secret not in caplog.text
    assert not any(secret.encode() in file.read_bytes() for file in home.iterdir())


def test_pages_of_keys(store: KeyStore, clock) -> None:
    made = []
    for number in range(7):
        made.append(store.issue(prefix="acme_live", owner=f"{number % 2}@example.com").key.id)
        clock.now += number % 3
    store.revoke(made[0], reason="old")
    first = store.list(limit=3)
    rest = store.list(after=first[-1].id)
    assert sorted(made) == sorted(key.id for key in [*first, *rest])
    assert [key.created_us for key in [*first, *rest]] == sorted(
        key.created_us for key in [*first, *rest]
    )
    assert len(store.list(owner="1@example.com")) == 3
    assert [key.id for key in store.list(state="revoked")] == [made[0]]
    assert store.list(prefix="acme_test") == []


@pytest.mark.parametrize(
    ("field", "question"),
    [
        ("limit", {"limit": 0}),
        ("limit", {"limit": 1001}),
        ("state", {"state": "odd"}),
        ("key_id", {"after": "odd"}),
    ],
)
def test_a_bad_filter_is_named(store: KeyStore, field: str, question: dict[str, object]) -> None:
    with pytest.raises(InvalidField) as error:
        store.list(**question)  # type: ignore[arg-type]
    assert error.value.field == field


def test_a_time_zone_other_than_utc_is_converted(store: KeyStore) -> None:
    zone = timezone(timedelta(hours=2))
    key = store.issue(**order(expires_at=datetime(2027, 2, 1, 12, tzinfo=zone))).key  # type: ignore[arg-type]
    assert key.expires == datetime(2027, 2, 1, 10, tzinfo=UTC)
