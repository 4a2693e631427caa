"""Where the console may be reached, decided by settings; what requests say does not count."""

import pytest

from keyfuse_webhook.console.place import place_of


@pytest.mark.parametrize(
    ("base_url", "bound_to", "origin", "secure"),
    [
        ("https://Keys.example.com/", "0.0.0.0", "https://keys.example.com", True),
        ("https://keys.example.com:8443/x", "127.0.0.1", "https://keys.example.com:8443", True),
        ("http://127.0.0.1:9000", "0.0.0.0", "http://127.0.0.1:9000", False),
        ("http://localhost", "::1", "http://localhost", False),
        (None, "127.0.0.1", None, False),
        (None, "localhost", None, False),
    ],
)
def test_open_places(base_url: str | None, bound_to: str, origin: str | None, secure: bool) -> None:
    place = place_of(base_url, bound_to)
    assert place is not None
    assert (place.origin, place.secure) == (origin, secure)
    assert place.cookie("x") == ("__Host-x" if secure else "x")


@pytest.mark.parametrize(
    ("base_url", "bound_to"),
    [(None, "0.0.0.0"), (None, "192.0.2.1"), ("http://keys.example.com", "127.0.0.1")],
)
def test_closed_places(base_url: str | None, bound_to: str) -> None:
    assert place_of(base_url, bound_to) is None


def test_links_begin_with_the_setting_or_else_where_the_service_listens() -> None:
    named, unnamed = place_of("https://keys.example.com/x", ""), place_of(None, "127.0.0.1")
    assert named is not None
    assert unnamed is not None
    assert named.base(("127.0.0.1", 9000)) == "https://keys.example.com"
    assert unnamed.base(("::1", 9000)) == "http://[::1]:9000"
    assert unnamed.base() == "http://127.0.0.1:8787"


def test_hosts_and_origins() -> None:
    place = place_of("https://keys.example.com", "0.0.0.0")
    assert place is not None
    for host in ("keys.example.com", "KEYS.example.com", "127.0.0.1:8787", "localhost", "[::1]:1"):
        assert place.is_host(host), host
    for host in ("keys.example.com:80", "evil.example", "127.0.0.1.evil.example", "", "[", "a@b"):
        assert not place.is_host(host), host
    assert place.is_origin("https://keys.example.com", "keys.example.com")
    assert place.is_origin("http://127.0.0.1:8787", "127.0.0.1:8787")
    for origin, host in (
        ("null", "keys.example.com"),
        ("http://keys.example.com", "keys.example.com"),
        ("http://127.0.0.1:1", "127.0.0.1:8787"),
        ("http://evil.example", "evil.example"),
    ):
        assert not place.is_origin(origin, host)
