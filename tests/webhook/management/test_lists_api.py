"""Lists give a page at a time, in order, and every thing once; filters do what they say."""

from typing import Any

import pytest

from keyfuse_store.evidence import Evidence
from keyfuse_store.times import rfc3339
from support.leaking import record_leak
from support.management import Api, problem

LISTS = {"/v1/keys": "keys", "/v1/owners": "owners", "/v1/leaks": "leaks", "/v1/audit": "entries"}


@pytest.fixture
def filled(api: Api) -> Api:
    for number in range(5):
        issued = api.issue(owner=f"o{number}@example.com", name=f"key {number}")
        evidence = Evidence("report", "possession", "a forum", "https://example.com/<b>")
        record_leak(api.store, issued, evidence, "notify")
    return api


def walk(api: Api, path: str, **query: Any) -> list[Any]:
    found: list[Any] = []
    following = None
    while True:
        place = {} if following is None else {"after": following}
        page = api.get(path, limit=2, **query, **place)
        found += page[LISTS[path]]
        following = page["next"]
        if following is None:
            return found


def still(things: list[Any]) -> list[Any]:
    """Without what goes on changing: the key that asks is in use."""
    return [{name: of[name] for name in of if name != "last_used"} for of in things]


def test_every_list_is_walked_in_both_directions(filled: Api) -> None:
    for path, name in LISTS.items():
        whole = still(filled.get(path, limit=1000)[name])
        assert len(whole) >= 5
        assert still(walk(filled, path)) == whole, path
        if path != "/v1/owners":
            assert still(walk(filled, path, sort="newest")) == whole[::-1], path


def test_keys_are_filtered(filled: Api) -> None:
    keys = filled.get("/v1/keys", prefix="acme_live")["keys"]
    assert [key["name"] for key in keys] == [f"key {number}" for number in range(5)]
    filled.store.suspend(keys[0]["id"], reason="test")
    for query, names in (
        ({"state": "suspended"}, ["key 0"]),
        ({"owner": "O1@example.com"}, ["key 1"]),
        ({"owner": keys[2]["owner_id"]}, ["key 2"]),
        ({"search": "EY 3"}, ["key 3"]),
        ({"search": keys[4]["id"][:9]}, ["key 4"]),
        ({"search": "%"}, []),
        ({"prefix": "acme_live", "sort": "name", "after": keys[3]["id"]}, ["key 4"]),
    ):
        assert [key["name"] for key in filled.get("/v1/keys", **query)["keys"]] == names, query


def test_owners_are_added_searched_and_shown_by_id_and_address(api: Api) -> None:
    made = api.post("/v1/owners", {"email": "Team@example.com", "name": "Billing <b>"})
    assert made.status_code == 201
    owner = made.json()
    assert api.get(made.headers["location"]) == api.get("/v1/owners/TEAM@example.com") == owner
    assert api.get("/v1/owners", search="billing")["owners"] == [owner]
    assert api.get("/v1/owners", search="nobody")["owners"] == []
    entry = api.get("/v1/audit", subject=owner["id"])["entries"][0]
    assert (entry["action"], entry["actor"]) == ("owner.added", f"key:{api.key_id}")
    assert problem(api.post("/v1/owners", {"email": "team@EXAMPLE.com"})) == (422, "invalid_field")
    for unknown in ("nobody@example.com", "own_0123456789abcdef", "nonsense", "a%2Fb"):
        assert problem(api.send("GET", f"/v1/owners/{unknown}"))[0] == 404


def test_an_incident_is_found_by_its_id_and_by_its_key(filled: Api) -> None:
    leak = filled.get("/v1/leaks", owner="o3@example.com")["leaks"][0]
    whole = filled.get(f"/v1/leaks/{leak['id']}")
    assert filled.get(f"/v1/leaks/{leak['key_id']}") == whole
    assert whole["key"]["owner"] == "o3@example.com"
    assert whole["evidence"][0]["url"] == "https://example.com/<b>"
    assert len(filled.get("/v1/leaks", state="open")["leaks"]) == 5
    assert filled.get("/v1/leaks", state="resolved")["leaks"] == []
    assert problem(filled.send("GET", "/v1/leaks/leak_0000000000000000"))[0] == 404


def test_the_audit_record_is_filtered(filled: Api) -> None:
    key = filled.get("/v1/keys", search="key 1")["keys"][0]
    about = filled.get("/v1/audit", subject=key["id"])["entries"]
    assert [entry["action"] for entry in about] == ["key.issued", "leak.recorded"]
    assert len(filled.get("/v1/audit", action="leak.recorded")["entries"]) == 5
    assert len(filled.get("/v1/audit", actor="report", subject=key["id"])["entries"]) == 1
    late = rfc3339(filled.store.clock() + 1_000_000)
    assert filled.get("/v1/audit", since=late)["entries"] == []
    assert filled.get("/v1/audit", since=key["created"], limit=1)["entries"][0]["seq"] > 1


def test_a_page_after_something_unknown_is_refused(api: Api) -> None:
    for path, after in (
        ("/v1/keys", "0000000000"),
        ("/v1/keys", "0"),
        ("/v1/owners", "nobody@example.com"),
        ("/v1/leaks", "leak_0000000000000000"),
    ):
        answer = api.send("GET", path, params={"after": after})
        assert problem(answer) == (422, "invalid_field"), path
        assert answer.json()["field"] == "after"


BAD_QUERIES = (
    "limit=0",
    "limit=1001",
    "limit=-1",
    "limit=1.0",
    "limit=true",
    "limit=",
    "limit=%31%30%30%30%30%30%30%30%30%30%30%30%30%30%30%30%30%30%30%30",
    "limit=1&limit=2",
    "colour=red",
    "sort=best",
    "state=dead",
    "search=%ff",
    "prefix=",
    "&".join(f"a{number}=1" for number in range(30)),
)


def test_a_query_that_is_not_clear_is_refused_and_not_repeated(api: Api) -> None:
    for query in BAD_QUERIES:
        answer = api.send("GET", f"/v1/keys?{query}")
        assert problem(answer) == (400, "invalid_request"), query
        assert not any(word in answer.text for word in ("colour", "red", "best", "dead"))
    for text in ("a%00b", "a%0Ab", "%E2%80%AE"):
        assert problem(api.send("GET", f"/v1/keys?search={text}")) == (422, "invalid_field"), text
