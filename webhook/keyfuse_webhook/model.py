"""The values that flow through the service: an alert comes in, a leak is dealt with, words go out.

bytes -> Alert -> Sighting (a whole-secret match) -> one transaction -> Job -> LeakedKey -> mail
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

Label = Literal["true_positive", "false_positive"]


@dataclass(frozen=True, slots=True)
class Origin:
    """A party that sends alerts in the secret scanning partner protocol.

    Attributes:
        name: Our stable word for it; stored with each evidence.
        id_header: Header that names the signing key.
        signature_header: Header that carries the base64 DER signature.
    """

    name: str
    id_header: str
    signature_header: str


GITHUB = Origin(
    name="github",
    id_header="github-public-key-identifier",
    signature_header="github-public-key-signature",
)


@dataclass(frozen=True, slots=True)
class Alert:
    """One record of a partner alert that has a string token.

    Attributes:
        token: The text to look up, presentation stripped; never shown.
        received: The token exactly as received; never shown.
        token_type: The sender's word for the kind of secret, as received.
        url: Where it was seen, plain text; None when absent or empty.
        source: What kind of place that is, in lower case; None when absent.
    """

    token: str
    received: str
    token_type: str | None
    url: str | None
    source: str | None

    @property
    def token_hash(self) -> str:
        """SHA-256 hex of the token exactly as received."""
        # JSON can hold a lone surrogate, which UTF-8 cannot; such a token is odd, not an error.
        return hashlib.sha256(self.received.encode("utf-8", "surrogatepass")).hexdigest()

    def __repr__(self) -> str:
        return f"Alert(token_hash={self.token_hash!r}, token_type={self.token_type!r})"
