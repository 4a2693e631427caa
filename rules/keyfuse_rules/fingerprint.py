"""The fingerprint of a secret: the same wherever, whenever and in whatever mode it was found."""

from keyfuse_rules.sha256 import sha256_hex

LENGTH = 32
_DOMAIN = b"keyfuse-fp1"
# A password can be guessed from a fast hash, and baselines are committed: make each guess cost.
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**14, 8, 1


def fingerprint(family: str, secret: bytes, *, guessable: bool = False) -> str:
    """Return 32 hexadecimal characters that identify a secret and do not tell it.

    Args:
        family: What kind of secret it is; rules of one family agree on fingerprints.
        secret: The decoded secret. How its lines end is a matter of the checkout it stands in, and
            does not count.
        guessable: True for passwords and the like; costs about 50 ms instead of 1 µs.
    """
    domain = _DOMAIN + b"\0" + family.encode()
    secret = secret.replace(b"\r\n", b"\n")
    if guessable:
        from hashlib import scrypt

        return scrypt(
            secret, salt=domain, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P, dklen=LENGTH // 2
        ).hex()
    return sha256_hex(domain + b"\0" + secret)[:LENGTH]
