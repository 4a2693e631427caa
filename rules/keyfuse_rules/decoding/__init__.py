"""Encodings that hide secrets from a plain search. Pure."""

from keyfuse_rules.decoding.digits import base64, hexadecimal
from keyfuse_rules.decoding.joined import joined
from keyfuse_rules.decoding.runs import Decoder, Run
from keyfuse_rules.decoding.substitution import escape, html, percent
from keyfuse_rules.decoding.utf16 import utf16

DECODERS: dict[str, Decoder] = {
    "utf-16": utf16,
    "base64": base64,
    "hex": hexadecimal,
    "percent": percent,
    "escape": escape,
    "html": html,
    "joined": joined,
}

__all__ = ["DECODERS", "Decoder", "Run"]
