"""`/readyz` says what is wrong with a database that is locked, full, read-only or gone."""

import json
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from sqlalchemy import text

from keyfuse_store import KeyStore, engines, revisions
from keyfuse_store.database import open_database
from keyfuse_store.errors import DatabaseFull, DatabaseReadOnly
from keyfuse_store.settings import Settings
from keyfuse_webhook.health import Readiness
from support.postgres import postgres_server


def readiness(service):
    answer = service.request("GET", "/readyz")
    return answer.status_code, answer.json().get("reason")


def test_locked(service, monkeypatch):
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.1)
    service.store.database.engine.dispose()
    with service.store.begin():
        assert readiness(service) == (503, "locked")
        assert service.request("GET", "/healthz").status_code == 200
    assert readiness(service) == (200, None)


def test_vanished(service):
    path = service.store.database.path
    path.rename(path.with_suffix(".away"))
    assert readiness(service) == (503, "vanished")
    path.with_suffix(".away").rename(path)
    assert readiness(service) == (200, None)


@pytest.mark.parametrize(
    ("error", "reason"), [(DatabaseFull, "full"), (DatabaseReadOnly, "read_only")]
)
def test_full_and_read_only(service, monkeypatch, error, reason):
    """The store's own tests fill a real disk; here only the word has to get through."""

    def check():
        raise error("database /secret/place is not well")

    monkeypatch.setattr(service.store, "check", check)
    answer = service.request("GET", "/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, reason)
    assert int(answer.headers["retry-after"]) > 0
    assert "secret" not in answer.text


def test_many_who_ask_at_once_share_one_look(service, monkeypatch):
    looks = []
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.5)
    service.store.database.engine.dispose()
    check = service.store.check
    monkeypatch.setattr(service.store, "check", lambda: (looks.append(1), check()))
    with service.store.begin(), ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: readiness(service), range(8)))
    assert set(answers) == {(503, "locked")}
    assert len(looks) < 8


def test_on_postgresql(tmp_path):
    with postgres_server().database() as url:
        fresh = open_database(url)
        revisions.upgrade(fresh)
        fresh.close()
        settings = Settings.load({"KEYFUSE_HOME": str(tmp_path)})
        with KeyStore.open(url, settings=settings, peppers={1: b"p" * 32}) as store:
            look = Readiness(store).readyz
            assert anyio.run(look, None).status_code == 200
            with store.begin() as connection:
                connection.execute(text("UPDATE kf_alembic_version SET version_num = '9999'"))
            assert json.loads(anyio.run(look, None).body)["reason"] == "too_new"
