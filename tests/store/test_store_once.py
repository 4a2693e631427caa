"""A request that is repeated makes nothing twice, for a day, in any process."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from keyfuse_store import InvalidField, Issued, KeyStore
from keyfuse_store.changes import KeyChanges
from keyfuse_store.errors import AlreadyDone, NotPermitted, VersionConflict
from keyfuse_store.once import Once, once
from keyfuse_store.principal import Principal, principal


def asked(key: str = "k", caller: str = "key:a", request: bytes = b"issue ci") -> Once:
    return once(key, caller=caller, request=request)


def issue(store: KeyStore, this: Once) -> Issued:
    return store.issue(prefix="acme_live", owner="o@example.com", once=this)


def test_the_same_request_again_names_what_it_made(store: KeyStore) -> None:
    made = issue(store, asked())
    with pytest.raises(AlreadyDone) as done:
        issue(store, asked())
    assert done.value.key_id == made.key.id
    assert len(store.list()) == 1


def test_another_request_with_the_same_key_is_a_mistake(store: KeyStore) -> None:
    issue(store, asked())
    with pytest.raises(InvalidField, match="another request"):
        issue(store, asked(request=b"issue other"))
    assert len(store.list()) == 1


def test_another_callers_key_is_another_key(store: KeyStore) -> None:
    issue(store, asked())
    issue(store, asked(caller="key:b"))
    issue(store, asked("l"))
    assert len(store.list()) == 3


def test_a_request_that_failed_may_be_made_again(store: KeyStore) -> None:
    with pytest.raises(InvalidField):
        store.issue(prefix="ghp", owner="o@example.com", once=asked())
    issue(store, asked())


def test_it_is_forgotten_after_a_day(store: KeyStore, clock) -> None:
    issue(store, asked())
    clock.advance(timedelta(days=1, seconds=1))
    issue(store, asked("other"))
    issue(store, asked())
    assert len(store.list()) == 3
    with store.read() as connection:
        assert len(connection.execute(text("SELECT * FROM kf_once")).all()) == 2


def test_a_rotation_is_made_once(store: KeyStore, issued: Issued) -> None:
    rotated = store.rotate(issued.key.id, once=asked())
    with pytest.raises(AlreadyDone) as done:
        store.rotate(issued.key.id, once=asked())
    assert done.value.key_id == rotated.key.id


def test_a_version_says_whether_a_key_is_as_it_was(store: KeyStore, issued: Issued) -> None:
    seen = issued.key.version
    changed = store.change(issued.key.id, KeyChanges(name="new"), version=seen)
    assert changed.version != seen
    with pytest.raises(VersionConflict):
        store.change(issued.key.id, KeyChanges(name="newer"), version=seen)
    assert store.change(issued.key.id, KeyChanges(name="new")).version == changed.version
    assert store.get(issued.key.id).name == "new"


@pytest.fixture
def writer(store: KeyStore) -> Principal:
    """Somebody who may write keys."""
    key = store.issue(
        prefix="keyfuse_ops", owner="ops@example.com", scopes=["keyfuse:keys.write"], admin=True
    ).key
    found = principal(key)
    assert found is not None
    return found


def test_a_principal_is_held_to_his_scopes_whatever_the_caller_checked(
    store: KeyStore, writer: Principal
) -> None:
    admin = store.issue(
        prefix="keyfuse_root", owner="o@example.com", scopes=["keyfuse:admin"], admin=True
    ).key
    for step in (
        lambda: store.rotate(admin.id, actor=writer),
        lambda: store.revoke(admin.id, reason="mine", actor=writer),
        lambda: store.suspend(admin.id, reason="mine", actor=writer),
        lambda: store.resume(admin.id, actor=writer),
        lambda: store.rename(admin.id, "mine", actor=writer),
        lambda: store.issue(
            prefix="keyfuse_root",
            owner="o@example.com",
            scopes=["keyfuse:admin"],
            admin=True,
            actor=writer,
        ),
    ):
        with pytest.raises(NotPermitted):
            step()
    assert [key.version for key in store.list(prefix="keyfuse_root")] == [admin.version]
    assert len(store.list()) == 2


def test_what_a_principal_does_is_written_down_as_his(
    store: KeyStore, issued: Issued, writer: Principal
) -> None:
    store.suspend(issued.key.id, reason="test", actor=writer, origin="192.0.2.7")
    (entry,) = store.entries(newest_first=True, limit=1)
    assert (entry.actor, entry.origin) == (f"key:{writer.key_id}", "192.0.2.7")


def test_whoever_opens_a_store_is_the_actor_of_it(settings) -> None:
    with KeyStore.open(settings=settings, peppers={1: b"p" * 32}, actor="cli:ada") as store:
        store.add_owner("o@example.com")
        assert store.entries(newest_first=True, limit=1)[0].actor == "cli:ada"
