"""The catalogue of scopes: where an API declares them, nothing else is granted."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyfuse_store import InvalidField, KeyStore
from keyfuse_store.catalogue import Catalogue
from keyfuse_store.errors import SettingsError
from keyfuse_store.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, scopes=Catalogue(["invoices:read", "invoices:write", "users:read"]))


@pytest.mark.parametrize(
    "scope", ["invoices:read", "invoices:*", "*:write", "*:*", "invoices:read@acct_1", "*:read@a"]
)
def test_what_covers_something_declared_is_granted(store: KeyStore, scope: str) -> None:
    key = store.issue(prefix="acme_live", owner="a@example.com", scopes=[scope]).key
    assert key.scopes == (scope,)


@pytest.mark.parametrize("scope", ["invoices:reed", "users:write", "bills:*", "*:delete", "x:y@z"])
def test_what_covers_nothing_is_refused(store: KeyStore, scope: str) -> None:
    with pytest.raises(InvalidField) as error:
        store.issue(prefix="acme_live", owner="a@example.com", scopes=["users:read", scope])
    assert error.value.field == "scopes"
    assert error.value.problem == (
        "number 2 is not in the catalogue, which declares invoices:read, invoices:write, users:read"
    )
    key = store.issue(prefix="acme_live", owner="a@example.com", scopes=["users:read"]).key
    with pytest.raises(InvalidField, match="number 1 is not"):
        store.set_scopes(key.id, [scope])


def test_management_scopes_are_not_declared(store: KeyStore) -> None:
    key = store.issue(
        prefix="keyfuse_root", owner="a@example.com", scopes=["keyfuse:admin"], admin=True
    ).key
    assert store.set_scopes(key.id, ["keyfuse:verify"]).scopes == ("keyfuse:verify",)


def test_a_long_catalogue_is_named_in_part() -> None:
    with pytest.raises(InvalidField, match=r"a:b10, a:b11.*, …"):
        Catalogue(f"a:b{number}" for number in range(10, 30)).check("scopes", ["a:b1"])


def test_without_a_declaration_everything_is_granted() -> None:
    Catalogue().check("scopes", ["a:b"])
    assert not Catalogue()
    assert Catalogue(["a:b"])


def test_from_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    file.write_text('[scopes]\n"invoices:read" = "Read invoices"\n')
    catalogue = Settings.load({}, file).scopes
    assert dict(catalogue.declared) == {"invoices:read": "Read invoices"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scopes = 7", "must be a table"),
        ("[scopes]\n'invoices:*' = 'x'", "one concrete resource:action"),
        ("[scopes]\n'keyfuse:admin' = 'x'", "not yours to declare"),
        ("[scopes]\n'a:b' = 7", "described in text"),
        (f"[scopes]\n'a:b' = '{'x' * 201}'", "described in text"),
    ],
)
def test_a_wrong_declaration_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "service.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=message):
        Settings.load({}, file)
