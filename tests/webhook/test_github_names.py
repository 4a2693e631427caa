"""Addresses of pages: a path in them is a name, whatever browsers make of its characters."""

import pytest

from keyfuse_scanner.printable import path_text
from keyfuse_webhook.github_names import RepositoryName

PAGE = "https://github.com/acme/app/blob/" + "a" * 40 + "/"


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (b"a/b.txt", "a/b.txt"),
        (b"100%.md", "100%25.md"),
        (b"%2e%2e/%2E%2E/%2fevil", "%252e%252e/%252E%252E/%252fevil"),
        (b"a b#?.txt", "a%20b%23%3F.txt"),
        ("\u00e9".encode(), "%C3%A9"),
        (b"caf\xe9", "caf%E9"),
    ],
)
def test_a_page_is_named_by_the_path_as_it_is(path, named):
    name = RepositoryName("acme", "app")
    url = name.place_url("https://github.com", "a" * 40, path_text(path), 7)
    assert url == f"{PAGE}{named}#L7"
