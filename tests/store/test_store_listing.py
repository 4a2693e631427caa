"""Keys as a person looks for them: searched, filtered, in an order, page by page."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from keyfuse_store import InvalidField, Issued, KeyNotFound, KeyStore, listing
from keyfuse_store.listing import SORTS, STANDINGS, Wanted
from support.keys import make_key

Find = Callable[..., list[str]]


@pytest.fixture
def find(store: KeyStore) -> Find:
    """The names of the keys that are found."""

    def found(*, after: str | None = None, limit: int = 50, **wanted: object) -> list[str]:
        with store.read() as connection:
            page = listing.find(
                connection,
                Wanted(**wanted),  # type: ignore[arg-type]
                now=store.clock(),
                after=after,
                limit=limit,
            )
        return [key.name for key in page]

    return found


@pytest.fixture
def keys(store: KeyStore, clock) -> dict[str, Issued]:
    """One key of each kind, by name, a minute apart."""
    made = {}
    for name, owner, hours in (
        ("beta", "zoe@example.com", 1),
        ("Alpha", "adam@example.com", None),
        ("delta 50%", "adam@example.com", 48),
        ("gamma", "mia@example.net", None),
        ("omega", "mia@example.net", None),
    ):
        ends = None if hours is None else timedelta(hours=hours)
        prefix = "acme_test" if name == "omega" else "acme_live"
        made[name] = store.issue(prefix=prefix, owner=owner, name=name, expires_in=ends)
        clock.advance(timedelta(minutes=1))
    store.suspend(made["gamma"].key.id, reason="test")
    store.revoke(made["omega"].key.id, reason="test")
    return made


@pytest.fixture(params=["few", "many"])
def as_few_or_many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to a page give the same."""
    if request.param == "many":
        monkeypatch.setattr(listing, "_FEW", 0)


@pytest.mark.usefixtures("keys")
def test_the_orders(find: Find) -> None:
    assert find() == ["omega", "gamma", "delta 50%", "Alpha", "beta"]
    assert find(sort="oldest") == ["beta", "Alpha", "delta 50%", "gamma", "omega"]
    assert find(sort="name")[-2:] == ["gamma", "omega"]
    assert set(find(sort="owner")[:2]) == {"Alpha", "delta 50%"}
    assert find(sort="owner")[-1] == "beta"
    assert find(sort="ending") == ["beta", "delta 50%"]


@pytest.mark.usefixtures("as_few_or_many")
def test_what_is_searched(find: Find, keys: dict[str, Issued]) -> None:
    assert find(search="ALPH") == ["Alpha"]
    assert find(search="mia@", sort="name") == ["gamma", "omega"]
    assert find(search="0%") == ["delta 50%"]
    assert find(search="_") == []
    assert find(search=keys["gamma"].key.id[:6]) == ["gamma"]
    assert find(search="mia", standing="suspended") == ["gamma"]


@pytest.mark.usefixtures("as_few_or_many")
def test_what_keys_are_now(find: Find, keys: dict[str, Issued], store: KeyStore, clock) -> None:
    assert find(standing="active", sort="oldest") == ["beta", "Alpha", "delta 50%"]
    assert find(standing="active", sort="name") == find(standing="active", sort="name", limit=9)
    assert find(standing="revoked") == ["omega"]
    assert find(standing="expired") == []
    assert find(prefix="acme_test") == ["omega"]
    store.rotate(keys["Alpha"].key.id, overlap=timedelta(hours=1))
    clock.advance(timedelta(hours=2))
    assert find(standing="expired", sort="oldest") == ["beta", "Alpha"]
    assert sorted(find(standing="active")) == ["Alpha", "delta 50%"]
    assert find(owner_id=keys["beta"].key.owner_id) == ["beta"]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("standing", [None, *STANDINGS])
@pytest.mark.usefixtures("as_few_or_many", "keys")
def test_pages_are_the_whole_in_parts(
    store: KeyStore, clock, sort: listing.Sort, standing: listing.Standing
) -> None:
    clock.advance(timedelta(hours=3))
    wanted = Wanted(sort=sort, standing=standing)
    with store.read() as connection:
        whole = listing.find(connection, wanted, now=clock())
        parts, after = [], None
        while page := listing.find(connection, wanted, now=clock(), after=after, limit=2):
            parts += page
            after = page[-1].id
    assert [key.id for key in parts] == [key.id for key in whole]
    assert len({key.id for key in whole}) == len(whole)


def test_what_cannot_be_looked_for(find: Find, keys: dict[str, Issued]) -> None:
    with pytest.raises(InvalidField, match="holds an API key"):
        find(search=make_key("acme_live").reveal())
    with pytest.raises(KeyNotFound):
        find(after="0000000000")
    with pytest.raises(InvalidField, match="after"):
        find(after=keys["Alpha"].key.id, sort="ending")
