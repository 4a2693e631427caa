"""Random histories of keys agree with a model of a dozen lines."""

import shutil
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from keyfuse_rules import Secret
from keyfuse_store import KeyStore, audit, lifecycle
from keyfuse_store.errors import StateConflict
from keyfuse_store.settings import Settings

SCOPES = ["a:read", "a:write", "b:read"]


@dataclass
class ModelKey:
    token: Secret
    scopes: frozenset[str]
    begins: int
    expires: int | None
    dead: bool = False
    suspended: bool = False
    kept: frozenset[str] | None = None

    def code(self, now: int, asked: str | None) -> str:
        if self.dead:
            return "revoked"
        if self.suspended:
            return "suspended"
        if now < self.begins:
            return "not_yet_valid"
        if self.expires is not None and now >= self.expires:
            return "expired"
        held = self.scopes if self.kept is None else self.scopes & self.kept
        if asked is None:
            return "valid" if self.kept is None else "insufficient_scope"
        return "valid" if asked in held else "insufficient_scope"


class Lives(RuleBasedStateMachine):
    """Two stores on one file, as two processes would have; either may take any step."""

    keys = Bundle("keys")
    either = st.integers(0, 1)
    seconds = st.integers(1, 3)

    @initialize()
    def open(self) -> None:
        self.now = 1_800_000_000_000_000
        self.folder = Path(tempfile.mkdtemp())
        options = Settings.load({"KEYFUSE_HOME": str(self.folder)})
        self.stores = [
            KeyStore.open(settings=options, peppers={1: b"p" * 32}, clock=lambda: self.now)
            for _ in range(2)
        ]
        self.model: dict[str, ModelKey] = {}

    def teardown(self) -> None:
        if hasattr(self, "stores"):
            with self.stores[0].read() as connection:
                chain = audit.verify_chain(connection, self.stores[0].peppers)
            for store in self.stores:
                store.close()
            shutil.rmtree(self.folder)
            assert chain.problem is None

    @rule(
        target=keys,
        by=either,
        scopes=st.frozensets(st.sampled_from(SCOPES)),
        begins=st.none() | seconds,
        lasts=st.none() | seconds,
    )
    def issue(self, by: int, scopes: frozenset[str], begins: int | None, lasts: int | None) -> str:
        from keyfuse_store.times import from_micros

        start = self.now + (begins or 0) * 1_000_000
        issued = self.stores[by].issue(
            prefix="acme_live",
            owner="a@example.com",
            scopes=sorted(scopes),
            not_before=None if begins is None else from_micros(start),
            expires_in=None if lasts is None else timedelta(seconds=lasts),
        )
        end = None if lasts is None else start + lasts * 1_000_000
        self.model[issued.key.id] = ModelKey(issued.token, scopes, start, end)
        return issued.key.id

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
        self.model[key].dead = True

    @rule(by=either, key=keys)
    def suspend(self, by: int, key: str) -> None:
        try:
            self.stores[by].suspend(key, reason="random")
            assert not self.model[key].dead
            self.model[key].suspended = True
        except StateConflict:
            assert self.model[key].dead

    @rule(by=either, key=keys)
    def resume(self, by: int, key: str) -> None:
        model = self.model[key]
        try:
            self.stores[by].resume(key)
            assert not model.dead
            if model.suspended:
                model.suspended = False
            else:
                model.kept = None
        except StateConflict:
            assert model.dead

    @rule(by=either, key=keys, kept=st.frozensets(st.sampled_from(SCOPES)))
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
            model.kept = kept

    @rule(key=consumes(keys))
    def forget(self, key: str) -> None:
        """Let the shrinker work on fewer keys; the invariant still watches this one."""

    @rule(seconds=seconds)
    def wait(self, seconds: int) -> None:
        self.now += seconds * 1_000_000

    @invariant()
    def every_key_is_what_the_model_says(self) -> None:
        for store in getattr(self, "stores", []):
            tokens = [model.token.reveal() for model in self.model.values()]
            assert [key.id if key else None for key in store.match(tokens)] == list(self.model)
            for model in self.model.values():
                assert store.verify(model.token).code == model.code(self.now, None)


TestLives = Lives.TestCase
TestLives.settings = hypothesis_settings(max_examples=25, stateful_step_count=25, deadline=None)
