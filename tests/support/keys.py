"""Keys for tests, made at run time so that no token-shaped text stands in the repository."""

from random import Random

from keyfuse_rules import Secret
from keyfuse_rules.keyformat import RANDOMNESS_LENGTH, build


def make_key(prefix: str = "acme_live", seed: int = 0) -> Secret:
    """Return the same valid key for the same prefix and seed."""
    return build(prefix, Random(f"{prefix}:{seed}").randbytes(RANDOMNESS_LENGTH))


def break_checksum(token: str) -> str:
    """Return the token with its last character changed."""
    return token[:-1] + ("1" if token[-1] == "0" else "0")
