"""Keys through the API: issued once, changed with a condition, and written down with who did it."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from keyfuse_store import audit
from support.management import Api, problem

ORDER = {"prefix": "acme_live", "owner": "owner@example.com", "name": "ci"}


def last_entry(api: Api) -> audit.AuditEntry:
    (entry,) = api.store.entries(newest_first=True, limit=1)
    return entry


@pytest.mark.shows_key
def test_an_issued_key_is_shown_once_and_works(api: Api) -> None:
    order = ORDER | {"scopes": ["invoices:read"], "expires_in": "90d", "meta": {"team": "a"}}
    answer = api.post("/v1/keys", order | {"rate_limit": "100/minute", "quota": "10000/month"})
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/keys/{body['id']}"
    assert answer.headers["cache-control"] == "no-store"
    assert api.store.verify(body["key"], scopes=["invoices:read"]).ok
    assert api.get(answer.headers["location"]) == {k: v for k, v in body.items() if k != "key"}
    assert (body["rate_limit"], body["quota"], body["meta"]) == (
        "100/minute",
        "10000/month",
        {"team": "a"},
    )
    key = api.store.get(body["id"])
    assert key.expires == key.created + timedelta(days=90)


def test_every_change_is_written_down_with_its_caller_and_address(api: Api) -> None:
    key_id = api.issue().key.id
    assert api.post(f"/v1/keys/{key_id}/suspend", {"reason": "looking"}).status_code == 200
    entry = last_entry(api)
    assert (entry.actor, entry.origin) == (f"key:{api.key_id}", "127.0.0.1")
    assert (entry.action, entry.subject, entry.detail) == (
        "key.suspended",
        key_id,
        {"reason": "looking"},
    )


@pytest.mark.shows_key
def test_the_life_of_a_key(api: Api) -> None:
    key_id = api.issue(scopes=["invoices:read"]).key.id
    path = f"/v1/keys/{key_id}"
    assert api.post(f"{path}/suspend").json()["state"] == "suspended"
    assert problem(api.post(f"{path}/rotate")) == (409, "state_conflict")
    assert api.post(f"{path}/resume").json()["state"] == "active"
    rotated = api.post(f"{path}/rotate", {"overlap": "1h"})
    assert rotated.status_code == 201
    successor = rotated.json()
    assert successor["predecessor"]["successor_id"] == successor["id"]
    assert successor["scopes"] == ["invoices:read"]
    assert api.store.verify(successor["key"]).ok
    dead = api.post(f"{path}/revoke", {"reason": "done", "evidence": {"ticket": 7}}).json()
    assert (dead["state"], dead["revoke_reason"]) == ("revoked", "done")
    assert dead["revoke_evidence"] == {"ticket": 7}
    assert problem(api.patch(path, {"name": "x"})) == (409, "state_conflict")


@pytest.mark.shows_key
def test_an_overlap_of_nothing_ends_the_old_key_at_once(api: Api) -> None:
    issued = api.issue()
    assert api.post(f"/v1/keys/{issued.key.id}/rotate", {"overlap": "0"}).status_code == 201
    assert api.store.verify(issued.token).code == "expired"


def test_a_change_changes_what_it_names_and_nothing_else(api: Api) -> None:
    key_id = api.issue(rate_limit="5/minute", quota="10/day", scopes=["a:b"]).key.id
    path = f"/v1/keys/{key_id}"
    changed = api.patch(path, {"name": "nightly", "rate_limit": None}).json()
    assert (changed["name"], changed["rate_limit"]) == ("nightly", None)
    assert (changed["quota"], changed["scopes"]) == ("10/day", ["a:b"])
    assert api.patch(path, {}).json() == changed
    ends = api.patch(path, {"expires_in": "1d", "meta": {"a": 1}, "addresses": ["10.0.0.0/8"]})
    assert ends.json()["expires"] is not None
    assert ends.json()["addresses"] == ["10.0.0.0/8"]
    assert api.patch(path, {"expires_at": None}).json()["expires"] is None


def test_a_change_can_be_held_to_what_was_seen(api: Api) -> None:
    path = f"/v1/keys/{api.issue().key.id}"
    tag = api.send("GET", path).headers["etag"]
    changed = api.patch(path, {"name": "mine"}, If_Match=tag)
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    assert problem(api.patch(path, {"name": "theirs"}, If_Match=tag)) == (412, "version_conflict")
    assert api.get(path)["name"] == "mine"
    assert api.patch(path, {"name": "any"}, If_Match="*").status_code == 200


def test_no_other_tag_matches(api: Api) -> None:
    path = f"/v1/keys/{api.issue().key.id}"
    for tag in ('W/"0123"', "", "nonsense", '"a", "b"'):
        assert problem(api.patch(path, {"name": "x"}, If_Match=tag))[0] == 412, tag


def test_the_last_use_of_a_key_does_not_change_its_tag(api: Api) -> None:
    issued = api.issue()
    path = f"/v1/keys/{issued.key.id}"
    tag = api.send("GET", path).headers["etag"]
    api.store.verify(issued.token)
    api.store.flush()
    assert api.get(path)["last_used"] is not None
    assert api.send("GET", path).headers["etag"] == tag


@pytest.mark.shows_key
def test_a_repeated_order_makes_no_second_key_and_shows_none(api: Api) -> None:
    first = api.post("/v1/keys", ORDER, Idempotency_Key="order-1")
    again = api.post("/v1/keys", ORDER, Idempotency_Key='"order-1"')
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json() | {"key": None}
    assert len(api.store.list(prefix="acme_live")) == 1
    with api.store.read() as connection:
        kept = connection.exec_driver_sql("SELECT * FROM kf_once").all()
    assert "order-1" not in str(kept)
    assert first.json()["key"] not in str(kept)


@pytest.mark.shows_key
def test_a_repeated_rotation_rotates_once(api: Api) -> None:
    path = f"/v1/keys/{api.issue().key.id}/rotate"
    first = api.post(path, Idempotency_Key="r")
    again = api.post(path, Idempotency_Key="r")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json() | {"key": None}
    assert problem(api.post(path)) == (409, "state_conflict")


@pytest.mark.shows_key
def test_one_idempotency_key_is_for_one_request_of_one_caller(api: Api) -> None:
    assert api.post("/v1/keys", ORDER, Idempotency_Key="k").status_code == 201
    other = api.post("/v1/keys", ORDER | {"name": "other"}, Idempotency_Key="k")
    assert problem(other) == (422, "invalid_field")
    assert other.json()["field"] == "idempotency_key"
    somebody = api.holding("keyfuse:keys.write")
    assert somebody.post("/v1/keys", ORDER, Idempotency_Key="k").status_code == 201


@pytest.mark.shows_key
def test_requests_at_the_same_time_make_one_key(api: Api) -> None:
    answers: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(api.post("/v1/keys", ORDER, Idempotency_Key="same"))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(api.store.list(prefix="acme_live")) == 1


def test_an_idempotency_key_is_a_short_text_in_ascii(api: Api) -> None:
    for key in ("", " ", "x" * 256, '" x"', "\xe9", "\xa0x", "x\x85"):
        answer = api.post("/v1/keys", ORDER, Idempotency_Key=key)
        assert problem(answer) == (422, "invalid_field")
    assert api.store.list(prefix="acme_live") == []


def test_use_is_shown_by_hour(api: Api) -> None:
    issued = api.issue()
    api.store.verify(issued.token)
    api.store.flush()
    usage = api.get(f"/v1/keys/{issued.key.id}/usage", limit=1)
    assert usage["hours"][0]["valid"] == 1
    assert api.get(f"/v1/keys/{issued.key.id}/usage", since="2999-01-01T00:00:00Z")["hours"] == []


def test_no_key_of_that_id_is_404(api: Api) -> None:
    for verb in ("", "/usage", "/rotate", "/revoke", "/suspend", "/resume"):
        for key_id in ("0000000000", "short", "with.dot..", "%00%00"):
            method = "GET" if verb in {"", "/usage"} else "POST"
            answer = api.send(method, f"/v1/keys/{key_id}{verb}")
            assert problem(answer) == (404, "not_found"), (verb, key_id)


WRONG = (
    ("prefix", "ghp"),
    ("prefix", "keyfuse_root"),
    ("owner", "nobody"),
    ("owner", "own_0123456789abcdef"),
    ("name", "tab\t"),
    ("scopes", ["keyfuse:admin"]),
    ("scopes", ["noaction"]),
    ("rate_limit", "often"),
    ("quota", "much"),
    ("addresses", ["everywhere"]),
    ("expires_at", "2001-01-01T00:00:00Z"),
    ("expires_in", "0d"),
)


def test_a_field_that_is_not_acceptable_is_named(api: Api) -> None:
    for field, value in WRONG:
        answer = api.post("/v1/keys", ORDER | {field: value})
        assert problem(answer) == (422, "invalid_field"), field
        assert answer.json()["field"] == field
        assert "2001" not in answer.text
    assert api.store.list(prefix="acme_live") == []
