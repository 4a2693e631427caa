"""Who may do what: the scope of each operation, and nobody more than he holds."""

import pytest

from keyfuse_store.scopes import ADMIN, MANAGEMENT_SCOPES
from keyfuse_webhook.management.api import OPERATIONS
from keyfuse_webhook.management.model import AnyOperation
from support.management import Api, problem

WRITE = "keyfuse:keys.write"


def send(api: Api, operation: AnyOperation) -> tuple[int, str]:
    path = operation.path.replace("{key_id}", "0" * 10).replace("{owner}", "a@example.com")
    path = path.replace("{leak}", "x").replace("{job}", "x")
    options = {"json": operation.example} if operation.example else {}
    answer = api.send(operation.method, path, **options)
    return answer.status_code, answer.json().get("code", "") if answer.status_code > 299 else ""


@pytest.mark.shows_key
def test_every_operation_takes_its_scope_and_no_other_will_do(api: Api) -> None:
    for operation in OPERATIONS:
        others = set(MANAGEMENT_SCOPES) - {ADMIN, operation.scope}
        refused = send(api.holding(*others), operation)
        assert refused == (403, "insufficient_scope"), operation.name
        assert send(api.holding(operation.scope), operation)[0] not in {401, 403}, operation.name


def test_nobody_gets_in_without_a_management_key(api: Api) -> None:
    ordinary = api.issue(scopes=["*:*"]).token.reveal()
    for operation in OPERATIONS:
        answers = [send(api.with_token(key), operation) for key in (None, "nonsense", ordinary)]
        assert answers == [
            (401, "key_missing"),
            (401, "invalid_token"),
            (403, "insufficient_scope"),
        ], operation.name


def test_who_may_write_keys_cannot_make_himself_an_admin(api: Api) -> None:
    writer = api.holding(WRITE, "keyfuse:keys.read")
    order = {"prefix": "keyfuse_ops", "owner": "ops@example.com", "admin": True}
    before = len(api.store.list())
    for scopes in ([ADMIN], ["keyfuse:audit.read"], [WRITE, ADMIN]):
        answer = writer.post("/v1/keys", order | {"scopes": scopes})
        assert problem(answer) == (403, "insufficient_scope")
        assert set(answer.json()["scopes"]) == set(scopes) - {WRITE}
    answer = writer.patch(f"/v1/keys/{writer.key_id}", {"scopes": [WRITE, ADMIN]})
    assert problem(answer) == (403, "insufficient_scope")
    assert len(api.store.list()) == before
    assert api.store.get(writer.key_id).scopes == (WRITE, "keyfuse:keys.read")


@pytest.mark.shows_key
def test_who_may_write_keys_hands_on_what_he_holds(api: Api) -> None:
    order = {"prefix": "keyfuse_ops", "owner": "ops@example.com", "admin": True}
    answer = api.holding(WRITE).post("/v1/keys", order | {"scopes": [WRITE]})
    assert answer.status_code == 201


@pytest.mark.parametrize("verb", ["rotate", "revoke", "suspend", "resume"])
def test_a_key_that_holds_more_is_out_of_reach(api: Api, verb: str) -> None:
    writer = api.holding(WRITE)
    before = api.store.get(api.key_id)
    answer = writer.post(f"/v1/keys/{api.key_id}/{verb}")
    assert problem(answer) == (403, "insufficient_scope")
    assert problem(writer.patch(f"/v1/keys/{api.key_id}", {"name": "mine"}))[0] == 403
    assert api.store.get(api.key_id).version == before.version


@pytest.mark.shows_key
def test_an_admin_may_rotate_his_own_key(api: Api) -> None:
    assert api.post(f"/v1/keys/{api.key_id}/rotate").status_code == 201


def test_the_owner_of_one_key_reads_no_other(api: Api) -> None:
    mine = api.issue(owner="a@example.com", scopes=["*:*"]).token.reveal()
    theirs = api.issue(owner="b@example.com").key.id
    answer = api.with_token(mine).send("GET", f"/v1/keys/{theirs}")
    assert problem(answer) == (403, "insufficient_scope")


def test_a_leaked_management_key_is_dead_on_its_next_request(api: Api) -> None:
    leaked = api.holding("keyfuse:keys.read")
    assert leaked.send("GET", "/v1/keys").status_code == 200
    report = {"tokens": [leaked._token]}
    assert api.service.request("POST", "/v1/leaks", json=report).status_code == 202
    assert problem(leaked.send("GET", "/v1/keys")) == (401, "invalid_token")
    incident = api.get(f"/v1/leaks/{leaked.key_id}")
    assert (incident["action"], incident["key"]["state"]) == ("revoke", "revoked")


def test_a_suspended_management_key_does_nothing(api: Api) -> None:
    other = api.holding(ADMIN)
    api.store.suspend(other.key_id, reason="lunch")
    assert problem(other.send("GET", "/v1/keys")) == (401, "invalid_token")
