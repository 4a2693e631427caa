"""One hash, whichever module of Python does it."""

import hashlib
import importlib
import sys

import pytest

from keyfuse_rules import sha256


@pytest.fixture(params=[(), ("_sha2",), ("_sha2", "_sha256")])
def module(request, monkeypatch):
    """Return the module as it is on a Python that lacks some others."""
    with monkeypatch.context() as patch:
        for name in request.param:
            patch.setitem(sys.modules, name, None)
        yield importlib.reload(sha256)
    importlib.reload(sha256)


def test_it_is_the_hash_of_hashlib(module):
    for data in (b"", b"abc", bytes(range(256)) * 9):
        assert module.sha256_hex(data) == hashlib.sha256(data).hexdigest()
