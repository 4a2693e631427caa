"""Random histories of keys agree with a model of two dozen lines, on every kind of database.

The bar is KEYFUSE_TEST_HISTORIES=10000, which takes minutes.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event

from keyfuse_rules import Secret
from keyfuse_store import KeyStore, audit, lifecycle
from keyfuse_store.changes import KeyChanges
from keyfuse_store.errors import StateConflict
from keyfuse_store.settings import Settings
from keyfuse_store.times import from_micros

HISTORIES = int(os.environ.get("KEYFUSE_TEST_HISTORIES", "60"))
SECOND = 1_000_000
SCOPES = ["a:read", "a:write", "b:read"]


@dataclass(frozen=True)
class ModelKey:
    token: Secret
    scopes: frozenset[str]
    begins: int
    expires: int | None
    dead: bool = False
    suspended: bool = False
    kept: frozenset[str] | None = None
    successor: str | None = None
    overlap: int | None = None

    def ended(self, now: int) -> bool:
        return self.expires is not None and now >= self.expires

    def rotatable(self, now: int) -> bool:
        return not (self.dead or self.successor or self.suspended or self.ended(now))

    def code(self, now: int, asked: str | None) -> str:
        if self.dead:
            return "revoked"
        if self.suspended:
            return "suspended"
        if now < self.begins:
            return "not_yet_valid"
        if self.ended(now) or (self.overlap is not None and now >= self.overlap):
            return "expired"
        held = self.scopes if self.kept is None else self.scopes & self.kept
        if asked is None:
            return "valid" if self.kept is None else "insufficient_scope"
        return "valid" if asked in held else "insufficient_scope"


class Clock(Protocol):
    now: int


class Lives(RuleBasedStateMachine):
    """Two stores on one database, as two processes would have; either may take any step."""

    stores: list[KeyStore]
    clock: Clock

    keys = Bundle("keys")
    either = st.integers(0, 1)
    seconds = st.integers(1, 3)
    scopes = st.frozensets(st.sampled_from(SCOPES))

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[str, ModelKey] = {}

    @property
    def now(self) -> int:
        return self.clock.now

    @initialize(target=keys, by=either, scopes=scopes, lasts=st.none() | seconds)
    def begin(self, by: int, scopes: frozenset[str], lasts: int | None) -> str:
        return self.issue(by, scopes, None, lasts)

    @rule(
        target=keys, by=either, scopes=scopes, begins=st.none() | seconds, lasts=st.none() | seconds
    )
    def issue(self, by: int, scopes: frozenset[str], begins: int | None, lasts: int | None) -> str:
        start = self.now + (begins or 0) * SECOND
        issued = self.stores[by].issue(
            prefix="acme_live",
            owner="a@example.com",
            scopes=sorted(scopes),
            not_before=None if begins is None else from_micros(start),
            expires_in=None if lasts is None else timedelta(seconds=lasts),
        )
        end = None if lasts is None else start + lasts * SECOND
        self.model[issued.key.id] = ModelKey(issued.token, scopes, start, end)
        return issued.key.id

    @rule(target=keys, by=either, key=keys, overlap=st.integers(0, 3), lasts=st.none() | seconds)
    def rotate(self, by: int, key: str, overlap: int, lasts: int | None) -> object:
        old, now = self.model[key], self.now
        try:
            rotated = self.stores[by].rotate(
                key,
                overlap=timedelta(seconds=overlap),
                expires_in=None if lasts is None else timedelta(seconds=lasts),
            )
        except StateConflict:
            assert not old.rotatable(now)
            return multiple()
        assert old.rotatable(now)
        assert (rotated.key.predecessor_id, rotated.predecessor.successor_id) == (
            key,
            rotated.key.id,
        )
        until = now + overlap * SECOND
        until = until if old.expires is None else min(until, old.expires)
        self._set(key, successor=rotated.key.id, overlap=until)
        # What it began with, it may have begun with long ago.
        end = old.expires if lasts is None else max(now, old.begins) + lasts * SECOND
        self.model[rotated.key.id] = ModelKey(rotated.token, old.scopes, old.begins, end)
        return rotated.key.id

    @rule(by=either, key=keys, asked=st.none() | st.sampled_from(SCOPES))
    def verify(self, by: int, key: str, asked: str | None) -> None:
        verdict = self.stores[by].verify(
            self.model[key].token, scopes=[] if asked is None else [asked]
        )
        assert verdict.code == self.model[key].code(self.now, asked)
        assert verdict.ok == (verdict.code == "valid")

    @rule(by=either, key=keys)
    def revoke(self, by: int, key: str) -> None:
        self.stores[by].revoke(key, reason="random")
        self._set(key, dead=True)

    @rule(by=either, key=keys)
    def suspend(self, by: int, key: str) -> None:
        if self._alive(key, lambda: self.stores[by].suspend(key, reason="random")):
            self._set(key, suspended=True)

    @rule(by=either, key=keys)
    def resume(self, by: int, key: str) -> None:
        if self._alive(key, lambda: self.stores[by].resume(key)):
            self._set(
                key, **({"suspended": False} if self.model[key].suspended else {"kept": None})
            )

    @rule(by=either, key=keys, scopes=scopes)
    def change_scopes(self, by: int, key: str, scopes: frozenset[str]) -> None:
        if self._alive(key, lambda: self.stores[by].set_scopes(key, sorted(scopes))):
            self._set(key, scopes=scopes)

    @rule(by=either, key=keys, lasts=st.none() | seconds)
    def change_end(self, by: int, key: str, lasts: int | None) -> None:
        start = max(self.now, self.model[key].begins)
        end = None if lasts is None else start + lasts * SECOND
        changes = KeyChanges(expires_at=None if end is None else from_micros(end))
        if self._alive(key, lambda: self.stores[by].change(key, changes)):
            self._set(key, expires=end)

    @rule(by=either, key=keys, kept=scopes)
    def quarantine(self, by: int, key: str, kept: frozenset[str]) -> None:
        store, model = self.stores[by], self.model[key]
        with store.begin() as connection:
            changed = lifecycle.quarantine(
                connection,
                store.audit,
                key,
                allowed=sorted(kept),
                reason="random",
                actor="model",
                at=self.now,
            )
        assert changed == (not model.dead and model.kept is None)
        if changed:
            self._set(key, kept=kept)

    @rule(seconds=seconds)
    def wait(self, seconds: int) -> None:
        self.clock.now += seconds * SECOND

    @invariant()
    def every_key_is_what_the_model_says(self) -> None:
        for store in self.stores:
            for model in self.model.values():
                assert store.verify(model.token).code == model.code(self.now, None)

    def teardown(self) -> None:
        for store in self.stores:
            tokens = [model.token.reveal() for model in self.model.values()]
            assert [key.id if key else None for key in store.match(tokens)] == list(self.model)

    def _alive(self, key: str, step) -> bool:
        """Whether a step was taken; it is refused to dead keys, and to nothing else."""
        try:
            step()
        except StateConflict:
            assert self.model[key].dead
            return False
        assert not self.model[key].dead
        return True

    def _set(self, key: str, **changes: object) -> None:
        self.model[key] = replace(self.model[key], **changes)  # type: ignore[arg-type]


@pytest.fixture
def stores(settings: Settings, clock) -> Iterator[list[KeyStore]]:
    """Both on one database, which need not survive a power cut."""
    stores = [
        KeyStore.open(settings=settings, peppers={1: b"p" * 32}, clock=clock) for _ in range(2)
    ]
    for store in stores:
        if store.database.embedded:
            event.listen(store.database.engine, "connect", _without_syncing)
            store.database.engine.dispose()
    yield stores
    for store in stores:
        store.close()


# Each history takes a tenth of a second, on a busy machine a second.
@pytest.mark.timeout(max(300, HISTORIES))
def test_random_histories_agree_with_the_model(stores: list[KeyStore], clock) -> None:
    class Machine(Lives):
        def __init__(self) -> None:
            self.stores, self.clock = stores, clock
            super().__init__()

    run_state_machine_as_test(
        Machine,
        settings=hypothesis_settings(
            max_examples=HISTORIES,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    with stores[0].read() as connection:
        assert audit.verify_chain(connection, stores[0].peppers).problem is None


def _without_syncing(driver, _record: object) -> None:
    driver.execute("PRAGMA synchronous = OFF")
