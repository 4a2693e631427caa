"""Ways in which a text is hidden from a plain search, by the step that reports name."""

import base64
from collections.abc import Callable

Hide = Callable[[bytes], bytes]


def _base64(lead: int) -> Hide:
    return lambda text: base64.b64encode(b"~" * lead + text)


def _numbered(form: str) -> Hide:
    return lambda text: "".join(form.format(byte) for byte in text).encode()


def _specials(form: str) -> Hide:
    return lambda text: "".join(
        chr(byte) if chr(byte).isalnum() else form.format(byte) for byte in text
    ).encode()


def _in(encoding: str) -> Hide:
    return lambda text: text.decode("ascii").encode(encoding)


WAYS: dict[str, tuple[tuple[str, ...], Hide]] = {
    **{f"base64-{lead}": (("base64",), _base64(lead)) for lead in range(3)},
    **{
        f"base64-twice-{outer}{inner}": (
            ("base64", "base64"),
            lambda text, outer=outer, inner=inner: _base64(outer)(_base64(inner)(text)),
        )
        for outer in range(3)
        for inner in range(3)
    },
    "base64url": (("base64",), base64.urlsafe_b64encode),
    "hex": (("hex",), lambda text: text.hex().encode()),
    "hex-upper": (("hex",), lambda text: text.hex().upper().encode()),
    "percent": (("percent",), _numbered("%{:02x}")),
    "percent-upper": (("percent",), _numbered("%{:02X}")),
    "unicode-escapes": (("escape",), _numbered("\\u{:04x}")),
    "byte-escapes": (("escape",), _numbered("\\x{:02x}")),
    "entities": (("html",), _numbered("&#{};")),
    "entities-hex": (("html",), _numbered("&#x{:x};")),
    "utf-16-le": (("utf-16",), _in("utf-16-le")),
    "utf-16-be": (("utf-16",), _in("utf-16-be")),
}
"""Found for every rule whose literal is part of the secret."""

OWN_WAYS: dict[str, tuple[tuple[str, ...], Hide]] = {
    "octal": (("escape",), _numbered("\\{:03o}")),
    "underscores-percent": (("percent",), _specials("%{:02X}")),
    "underscores-unicode": (("escape",), _specials("\\u{:04x}")),
    "underscores-entities": (("html",), _specials("&#{};")),
    "underscores-markdown": (("escape",), lambda text: text.replace(b"_", b"\\_")),
    "percent-twice": (("percent", "percent"), _numbered("%25{:02x}")),
    "quoted-twice": (("escape",), _numbered("\\\\u{:04x}")),
    "powershell": (("base64", "utf-16"), lambda text: _base64(0)(_in("utf-16-le")(text))),
    "base64-in-utf-16": (("utf-16", "base64"), lambda text: _in("utf-16-le")(_base64(0)(text))),
    "hex-of-base64": (("hex", "base64"), lambda text: _base64(0)(text).hex().encode()),
}
"""Found for our own keys, too."""
