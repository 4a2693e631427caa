"""Encodings that hide secrets from a plain search. Pure."""

from keyfuse_rules.decoding.digits import base64_reader, hexadecimal_reader
from keyfuse_rules.decoding.joined import joined
from keyfuse_rules.decoding.runs import Decoder, Run
from keyfuse_rules.decoding.substitution import escape, html, percent
from keyfuse_rules.decoding.utf16 import utf16

__all__ = ["Decoder", "Run", "decoders"]


def decoders() -> dict[str, Decoder]:
    """Return a decoder for each step, for use on one object."""
    return {
        "utf-16": utf16,
        "base64": base64_reader(),
        "hex": hexadecimal_reader(),
        "percent": percent,
        "escape": escape,
        "html": html,
        "joined": joined,
    }
