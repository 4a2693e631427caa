"""Only a management key with the right scope gets in; all others hear one of four answers."""

import json
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from keyfuse_store import KeyStore
from keyfuse_store.answers import Answer
from keyfuse_store.principal import Principal
from keyfuse_store.settings import Settings
from keyfuse_webhook.address_limit import AddressLimit
from keyfuse_webhook.management.guard import Guard, address_of
from support.keys import make_key

READ = "keyfuse:keys.read"
CLIENT = ("192.0.2.7", 4711)


@pytest.fixture
def open_store(settings: Callable[..., Settings]) -> Any:
    opened = []

    def start(**environ: str) -> KeyStore:
        opened.append(KeyStore.open(settings=settings(**environ)))
        return opened[-1]

    yield start
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., KeyStore]) -> KeyStore:
    return open_store()


def manager(store: KeyStore, *scopes: str, **options: Any) -> str:
    order = {"prefix": "keyfuse_ops", "owner": "ops@example.com", "admin": True} | options
    return store.issue(scopes=scopes, **order).token.reveal()


def ordinary(store: KeyStore) -> str:
    issued = store.issue(prefix="acme_live", owner="o@example.com", scopes=["*:*"])
    return issued.token.reveal()


def admit(
    guard: Guard, *headers: tuple[bytes, bytes], needed: str | None = READ, query: bytes = b""
) -> Principal | Answer:
    scope = {"path": "/v1/keys", "query_string": query, "headers": headers, "client": CLIENT}
    return anyio.run(guard.admit, scope, needed)


def bearer(token: str) -> tuple[bytes, bytes]:
    return b"authorization", f"Bearer {token}".encode()


def code(answer: Principal | Answer) -> tuple[int, str]:
    assert isinstance(answer, Answer)
    return answer.status, json.loads(answer.body)["code"]


def test_a_management_key_with_the_scope_gets_in(store: KeyStore) -> None:
    found = admit(Guard(store), bearer(manager(store, READ, name="ops")))
    assert isinstance(found, Principal)
    assert (found.owner, found.name, found.scopes) == ("ops@example.com", "ops", {READ})
    assert found.actor == f"key:{found.key_id}"


def test_an_admin_gets_in_everywhere(store: KeyStore) -> None:
    assert isinstance(admit(Guard(store), bearer(manager(store, "keyfuse:admin"))), Principal)


def test_without_a_key_the_challenge_has_no_error(store: KeyStore) -> None:
    answer = admit(Guard(store))
    assert code(answer) == (401, "key_missing")
    assert ("www-authenticate", 'Bearer realm="keyfuse"') in answer.headers


def test_another_scope_is_not_enough(store: KeyStore) -> None:
    answer = admit(Guard(store), bearer(manager(store, "keyfuse:verify", "keyfuse:keys.write")))
    assert code(answer) == (403, "insufficient_scope")
    assert dict(answer.headers)["www-authenticate"].endswith(f'scope="{READ}"')


@pytest.mark.parametrize("needed", [READ, None])
def test_the_widest_key_of_an_api_is_no_management_key(store: KeyStore, needed: str | None) -> None:
    answer = admit(Guard(store), bearer(ordinary(store)), needed=needed)
    assert code(answer) == (403, "insufficient_scope")


def test_any_management_key_will_do_where_none_in_particular_is_needed(store: KeyStore) -> None:
    assert isinstance(admit(Guard(store), bearer(manager(store, READ)), needed=None), Principal)


def test_dead_unknown_and_malformed_keys_hear_the_same(store: KeyStore) -> None:
    dead = store.issue(prefix="keyfuse_ops", owner="o@example.com", scopes=[READ], admin=True)
    store.revoke(dead.key.id, reason="test")
    tokens = (dead.token.reveal(), make_key("keyfuse_ops").reveal(), "nonsense")
    answers = {admit(Guard(store), bearer(token)) for token in tokens}
    assert len(answers) == 1
    assert code(answers.pop()) == (401, "invalid_token")


def test_a_key_in_the_address_or_in_two_places_is_refused(store: KeyStore) -> None:
    token = manager(store, READ)
    in_url = admit(Guard(store), query=b"api_key=" + token.encode())
    twice = admit(Guard(store), bearer(token), (b"x-api-key", token.encode()))
    assert code(in_url) == code(twice) == (400, "invalid_request")


def test_a_key_is_held_to_its_networks(store: KeyStore) -> None:
    far = manager(store, READ, addresses=["10.0.0.0/8"])
    near = manager(store, READ, addresses=["192.0.2.0/24"])
    assert code(admit(Guard(store), bearer(far))) == (403, "address_denied")
    assert isinstance(admit(Guard(store), bearer(near)), Principal)


def test_a_key_calls_only_so_often(open_store: Callable[..., KeyStore]) -> None:
    store = open_store(KEYFUSE_MANAGEMENT_RATE="2/hour")
    guard, one, other = Guard(store), manager(store, READ), manager(store, READ)
    assert isinstance(admit(guard, bearer(one)), Principal)
    assert isinstance(admit(guard, bearer(one)), Principal)
    answer = admit(guard, bearer(one))
    assert code(answer) == (429, "rate_limited")
    fields = dict(answer.headers)
    assert 1700 < int(fields["retry-after"]) <= 1800
    assert fields["ratelimit-policy"] == '"management";q=2;w=3600'
    assert isinstance(admit(guard, bearer(other)), Principal)


def test_whoever_guesses_is_slowed_and_whoever_holds_a_key_is_not(store: KeyStore) -> None:
    guard = Guard(store, AddressLimit(burst=2, period=3600, clock=lambda: 0.0))
    guesses = [code(admit(guard, bearer("guess")))[0] for _ in range(3)]
    assert guesses == [401, 401, 429]
    assert isinstance(admit(guard, bearer(manager(store, READ))), Principal)


def test_a_key_typed_into_a_form_is_judged_alike(store: KeyStore) -> None:
    guard = Guard(store)
    assert isinstance(anyio.run(guard.prove, manager(store, READ), "192.0.2.7"), Principal)
    assert code(anyio.run(guard.prove, ordinary(store), None))[0] == 403
    for typed in ("", " ", "x, y", "x\r\ny", "\ud800", "ü"):
        assert code(anyio.run(guard.prove, typed, "192.0.2.7"))[0] in {400, 401}


def test_the_address_is_one_or_none() -> None:
    assert address_of({"client": CLIENT}) == "192.0.2.7"
    assert address_of({"client": ("<b>", 1)}) is None
    assert address_of({}) is None
