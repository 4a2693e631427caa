"""SHA-256 without `hashlib`, which loads OpenSSL: that takes a hook longer than its search.

The standard library does the same for `random`. Where Python was built without the module,
`hashlib` has to do.
"""

try:
    from _sha2 import sha256  # type: ignore[import-not-found]  # has no stub
except ImportError:
    try:
        # Until Python 3.11.
        from _sha256 import sha256  # type: ignore[import-not-found]  # has no stub
    except ImportError:
        from hashlib import sha256


def sha256_hex(data: bytes) -> str:
    """Return the hash of some bytes, 64 hexadecimal digits."""
    digest: str = sha256(data).hexdigest()
    return digest
