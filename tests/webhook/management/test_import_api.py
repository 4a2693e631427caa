"""Keys from before keyfuse through the API: all of a request or none."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from keyfuse_store.settings import Settings
from support.management import ADMIN, Api, problem

CONFIG = """
[[key_types]]
prefix = "acme_old"
legacy = {pattern = "old_[0-9a-z]{20}", hash = "sha256"}
"""


@pytest.fixture
def api(settings: Callable[..., Settings], open_service: Callable[..., Any]) -> Api:
    return Api(open_service(settings(CONFIG)), None).holding(ADMIN)


def old(number: int, **fields: object) -> dict[str, object]:
    token = f"old_{number:020}"
    digest = hashlib.sha256(token.encode()).hexdigest()
    return {"hash": digest, "owner": "o@example.com", "prefix": "acme_old"} | fields


def test_keys_are_taken_over_and_verified_from_then_on(api: Api) -> None:
    body = {"keys": [old(1, name="one", scopes=["a:b"]), old(2)]}
    assert api.post("/v1/keys/import", body | {"check": True}).json() == {"added": [], "known": 0}
    added = api.post("/v1/keys/import", body).json()["added"]
    assert len(added) == 2
    assert api.store.verify(f"old_{1:020}", scopes=["a:b"]).key_id == added[0]
    again = api.post("/v1/keys/import", {"keys": [old(2), old(3)]}).json()
    assert (len(again["added"]), again["known"]) == (1, 1)
    entry = api.get("/v1/audit", action="key.imported")["entries"][0]
    assert (entry["actor"], entry["origin"]) == (f"key:{api.key_id}", "127.0.0.1")


def test_one_wrong_key_stops_all_and_every_wrong_one_is_named(api: Api) -> None:
    keys = [old(1), old(2, hash="short"), old(3, prefix="acme_live"), old(4, owner="x")]
    answer = api.post("/v1/keys/import", {"keys": keys})
    assert problem(answer) == (422, "invalid_field")
    named = [(error["index"], error["field"]) for error in answer.json()["errors"]]
    assert named == [(1, "hash"), (2, "prefix"), (3, "owner")]
    assert api.store.list(prefix="acme_old") == []


def test_too_many_at_once_are_refused(api: Api) -> None:
    answer = api.post("/v1/keys/import", {"keys": [old(1)] * 501})
    assert problem(answer) == (400, "invalid_request")
