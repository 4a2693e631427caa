"""The issuance store: keys, verification, revocation, audit."""
