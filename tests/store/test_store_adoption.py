"""Adoption: keys from before keyfuse live on, known by the hash that their API kept."""

import hashlib
import hmac
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keyfuse_rules import Secret
from keyfuse_store import InvalidField, KeyStore, OwnerNotFound, audit
from keyfuse_store.importing import OldKey
from keyfuse_store.issue import KeyOrder
from keyfuse_store.keytypes import KeyType, Legacy
from keyfuse_store.settings import Settings
from support.backends import execute

NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)
HMAC_KEY = "the secret of the old API"
TYPES = (
    KeyType("acme_live", legacy=Legacy(r"ak_[0-9a-f]{40}", "sha256")),
    KeyType("acme_test", legacy=Legacy(r"[A-Za-z0-9]{8}\.[A-Za-z0-9]{32}", "sha512")),
    KeyType("acme_old", legacy=Legacy(r"ak_[0-9a-f]{40}", "hmac-sha256", Secret(HMAC_KEY))),
    KeyType("acme_new"),
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, key_types=TYPES)


def plain(prefix: str = "acme_live") -> str:
    """A key of the old API, made at run time."""
    if prefix == "acme_test":
        return f"{secrets.token_hex(4)}.{secrets.token_hex(16)}"
    return f"ak_{secrets.token_hex(20)}"


def old_hash(token: str, prefix: str = "acme_live") -> str:
    if prefix == "acme_old":
        return hmac.digest(HMAC_KEY.encode(), token.encode(), "sha256").hex()
    return hashlib.new("sha512" if prefix == "acme_test" else "sha256", token.encode()).hexdigest()


def old_key(token: str, prefix: str = "acme_live", **order: object) -> OldKey:
    asked = KeyOrder(**{"prefix": prefix, "owner": "a@example.com", **order})  # type: ignore[arg-type]
    return OldKey(asked, old_hash(token, prefix))


@pytest.mark.parametrize("prefix", ["acme_live", "acme_test", "acme_old"])
def test_an_old_key_lives_on(store: KeyStore, clock, prefix: str) -> None:
    token = plain(prefix)
    assert store.verify(token).code == "unknown", "it looks like one of ours"
    adopted = store.import_keys([old_key(token, prefix, name="ci", scopes=["invoices:read"])])
    (key_id,) = adopted.added
    verdict = store.verify(token, scopes=["invoices:read"])
    assert verdict.ok
    assert verdict.key == store.get(key_id)
    assert (verdict.key.name, verdict.key.prefix) == ("ci", prefix)
    assert verdict.key.legacy is not None
    assert store.verify(Secret(token)).ok
    assert store.verify(f"secret-token:{token}").ok
    assert store.verify(token, scopes=["invoices:write"]).code == "insufficient_scope"
    assert store.match([token, plain(prefix), "x"]) == [verdict.key, None, None]
    store.suspend(key_id, reason="x")
    assert store.verify(token).code == "suspended"
    store.resume(key_id)
    store.revoke(key_id, reason="leaked")
    assert store.verify(token).code == "revoked"
    assert [key.state for key in store.match([token]) if key] == ["revoked"]


def test_an_old_key_is_rotated_into_the_present_format(store: KeyStore, clock) -> None:
    token = plain()
    (key_id,) = store.import_keys([old_key(token, scopes=["a:b"])]).added
    rotated = store.rotate(key_id, overlap=timedelta(hours=1))
    assert rotated.token.reveal().startswith("acme_live_kf1")
    assert (rotated.key.legacy, rotated.key.scopes) == (None, ("a:b",))
    assert store.verify(token).ok
    assert store.verify(rotated.token).ok
    clock.advance(timedelta(hours=1))
    assert store.verify(token).code == "expired"
    assert store.verify(rotated.token).ok


def test_what_does_not_look_like_an_old_key_is_malformed(store: KeyStore) -> None:
    for text in ("ak_", plain() + "\n", " " + plain(), "ak_" + "é" * 40, "x" * 10_000, ""):
        assert store.verify(text).code == "malformed"


def test_present_keys_are_what_they_were(store: KeyStore) -> None:
    issued = store.issue(prefix="acme_live", owner="a@example.com")
    token = plain()
    store.import_keys([old_key(token)])
    assert store.verify(issued.token).ok
    found = store.match([issued.token.reveal(), token, issued.token.reveal()])
    assert [key.legacy for key in found if key] == [None, "sha256", None]


def test_importing_again_adds_nothing(store: KeyStore) -> None:
    tokens = [plain() for _ in range(3)]
    first = store.import_keys([old_key(token) for token in tokens[:2]])
    again = store.import_keys([old_key(token) for token in [*tokens, tokens[2]]])
    assert (len(first.added), first.known) == (2, 0)
    assert (len(again.added), again.known) == (1, 3)
    with store.read() as connection:
        actions = [entry.action for entry in audit.entries(connection)]
        assert audit.verify_chain(connection, store.peppers).problem is None
    assert actions == ["owner.added", *["key.imported"] * 3]


def test_more_than_one_batch(store: KeyStore) -> None:
    tokens = [plain() for _ in range(1200)]
    adopted = store.import_keys([old_key(token) for token in tokens])
    found = store.match(tokens)
    assert [key.id for key in found if key] == list(adopted.added)
    assert store.import_keys([old_key(token) for token in tokens]) == ((), 1200)


def test_what_the_old_api_knew_is_kept(store: KeyStore) -> None:
    token = plain()
    created = NOW - timedelta(days=400)
    asked = KeyOrder(
        prefix="acme_live",
        owner="a@example.com",
        meta={"old_id": 17},
        expires_at=created + timedelta(days=30),
    )
    (key_id,) = store.import_keys([OldKey(asked, old_hash(token), created)]).added
    key = store.get(key_id)
    assert (key.created, key.meta) == (created, {"old_id": 17})
    assert store.verify(token).code == "expired", "an end that has passed is no mistake"


@pytest.mark.parametrize("shape", ["{}", "{} ", "sha256$${}"])
def test_shapes_of_a_hash(store: KeyStore, shape: str) -> None:
    import base64

    for encode in (bytes.hex, lambda raw: raw.hex().upper(), base64.b64encode):
        token = plain()
        encoded = encode(hashlib.sha256(token.encode()).digest())
        text = encoded if isinstance(encoded, str) else encoded.decode()
        order = KeyOrder(prefix="acme_live", owner="a@example.com")
        store.import_keys([OldKey(order, shape.format(text))])
        assert store.verify(token).ok


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("hash", {"hash": ""}),
        ("hash", {"hash": "ab" * 31}),
        ("hash", {"hash": "ab" * 64}),
        ("hash", {"hash": None}),
        ("hash", {"hash": "md5$$" + "ab" * 32}),
        ("created", {"created": NOW + timedelta(seconds=1)}),
        ("created", {"created": datetime(1969, 12, 31, tzinfo=UTC)}),
        ("created", {"created": datetime(2020, 1, 1)}),  # noqa: DTZ001 - the mistake under test
        ("prefix", {"order": KeyOrder(prefix="acme_new", owner="a@example.com")}),
        ("prefix", {"order": KeyOrder(prefix="acme_none", owner="a@example.com")}),
        ("owner", {"order": KeyOrder(prefix="acme_live", owner="nobody")}),
        ("name", {"order": KeyOrder(prefix="acme_live", owner="a@example.com", name="a\0")}),
        ("expires_at", {"created": NOW, "order": KeyOrder(
            prefix="acme_live", owner="a@example.com", expires_at=NOW - timedelta(1))}),
    ],
)  # fmt: skip
def test_a_bad_field_is_named_and_nothing_is_imported(
    store: KeyStore, field: str, change: dict[str, object]
) -> None:
    good = old_key(plain())
    with pytest.raises(InvalidField) as error:
        store.import_keys([good, replace(good, **change)])
    assert error.value.field == field
    assert store.list() == []


def test_a_plaintext_key_in_place_of_its_hash_is_not_repeated(store: KeyStore) -> None:
    token = plain()
    order = KeyOrder(prefix="acme_live", owner="a@example.com")
    with pytest.raises(InvalidField) as error:
        store.import_keys([OldKey(order, token)])
    assert token not in str(error.value)


def test_an_owner_id_that_nobody_has(store: KeyStore) -> None:
    with pytest.raises(OwnerNotFound):
        store.import_keys([old_key(plain(), owner="own_0123456789abcdef")])
    assert store.list() == []


def test_old_keys_survive_a_new_pepper_and_tell_a_lost_one(settings: Settings, clock) -> None:
    first, second = {1: b"p" * 32}, {1: b"p" * 32, 2: b"q" * 32}
    early, late, unused = plain(), plain(), plain()
    with KeyStore.open(settings=settings, peppers=first, clock=clock) as store:
        store.import_keys([old_key(early), old_key(unused)])
    with KeyStore.open(settings=settings, peppers=second, clock=clock) as store:
        assert store.import_keys([old_key(early), old_key(late)]).known == 1
        assert store.verify(early).ok
        assert store.verify(late).ok
        assert None not in store.match([early, late])
    with KeyStore.open(settings=settings, peppers={2: b"q" * 32}, clock=clock) as store:
        assert store.verify(late).ok
        assert store.verify(early).ok, "it was put under the newest pepper when it was used"
        assert store.verify(unused).code == "unavailable"
        assert store.verify(plain()).code == "unavailable", "it may be one that needs the other"
        execute(store, "UPDATE kf_keys SET legacy = NULL WHERE pepper_version = 1")
        assert store.verify(plain()).code == "unknown"


def test_a_database_that_is_gone(store: KeyStore) -> None:
    token = plain()
    store.import_keys([old_key(token)])
    execute(store, "ALTER TABLE kf_keys RENAME TO kf_gone")
    assert store.verify(token).code == "unavailable"
    execute(store, "ALTER TABLE kf_gone RENAME TO kf_keys")
    assert store.verify(token).ok


def test_the_table_is_worth_nothing_without_the_pepper(
    store: KeyStore, home: Path, backend: str
) -> None:
    token = plain()
    store.import_keys([old_key(token)])
    hashed = hashlib.sha256(token.encode()).digest()
    if backend == "sqlite":
        written = b"".join(file.read_bytes() for file in home.iterdir())
        assert hashed not in written
        assert hashed.hex().encode() not in written
        assert token.encode() not in written


@pytest.mark.parametrize(
    ("legacy", "message"),
    [
        ("{pattern = 'x', hash = 'hmac-sha256'}", "needs legacy.key_file"),
        ("{pattern = 'x', hash = 'sha256', key_file = 'k'}", "only an hmac hash has"),
        ("{pattern = 'x', hash = 'hmac-sha512', key_file = 'none'}", "cannot be read"),
        ("{pattern = 'x', hash = 'hmac-sha512', key_file = 7}", "cannot be read"),
        ("{pattern = 'x', hash = 'hmac-sha512', key_file = '{folder}/empty'}", "is empty"),
        ("{pattern = 'x*', hash = 'sha256'}", "matches no empty key"),
        ("{pattern = 7, hash = 'sha256'}", "matches no empty key"),
        ("{pattern = 'x'}", "needs pattern and hash"),
        ("{pattern = 'x', hash = 'sha256', salt = 'y'}", "needs pattern and hash"),
    ],
)
def test_a_wrong_declaration_is_named(tmp_path: Path, legacy: str, message: str) -> None:
    from keyfuse_store.errors import SettingsError

    (tmp_path / "empty").write_text("\n")
    file = tmp_path / "service.toml"
    declared = legacy.replace("{folder}", str(tmp_path))
    file.write_text(f"[[key_types]]\nprefix = 'acme_live'\nlegacy = {declared}\n")
    with pytest.raises(SettingsError, match=message):
        Settings.load({}, file)


def test_a_declaration_with_a_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    file = tmp_path / "service.toml"
    file.write_text(
        "[[key_types]]\nprefix = 'acme_live'\n"
        f"legacy = {{pattern = 'x', hash = 'hmac-sha512', key_file = '{tmp_path}/key'}}\n"
    )
    legacy = Settings.load({}, file).key_type("acme_live").legacy
    assert legacy == Legacy("x", "hmac-sha512", Secret("s3cret"))
    assert "s3cret" not in repr(legacy)
