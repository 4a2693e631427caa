"""Ways in which a text is hidden from a plain search, by the step that reports name."""

import base64
import bz2
import codecs
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable

try:
    from backports import zstd
except ImportError:
    zstd = None

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
    "entities-hex-upper": (("html",), _numbered("&#X{:X};")),
    "utf-16-le": (("utf-16",), _in("utf-16-le")),
    "utf-16-be": (("utf-16",), _in("utf-16-be")),
}
"""Found for every rule whose literal is part of the secret."""

OWN_WAYS: dict[str, tuple[tuple[str, ...], Hide]] = {
    "octal": (("escape",), _numbered("\\{:03o}")),
    "underscores-percent": (("percent",), _specials("%{:02X}")),
    "underscores-unicode": (("escape",), _specials("\\u{:04x}")),
    "underscores-entities": (("html",), _specials("&#{};")),
    "underscores-named": (("html",), lambda text: text.replace(b"_", b"&UnderBar;")),
    "underscores-percent-twice": (("percent", "percent"), _specials("%25{:02x}")),
    "underscores-braces": (("escape",), _specials("\\u{{{:x}}}")),
    "braces": (("escape",), _numbered("\\u{{{:x}}}")),
    "long-escapes": (("escape",), _numbered("\\U{:08x}")),
    "padded-entities": (("html",), _numbered("&#{:03};")),
    "padded-entities-hex": (("html",), _numbered("&#x{:04x};")),
    "underscores-markdown": (("escape",), lambda text: text.replace(b"_", b"\\_")),
    "percent-twice": (("percent", "percent"), _numbered("%25{:02x}")),
    "quoted-twice": (("escape",), _numbered("\\\\u{:04x}")),
    "powershell": (("base64", "utf-16"), lambda text: _base64(0)(_in("utf-16-le")(text))),
    "base64-in-utf-16": (("utf-16", "base64"), lambda text: _in("utf-16-le")(_base64(0)(text))),
    "hex-of-base64": (("hex", "base64"), lambda text: _base64(0)(text).hex().encode()),
}
"""Found for our own keys, too."""


def _literals(text: bytes, between: bytes) -> bytes:
    return b"secret = '" + text[:20] + between + text[20:] + b"'\n"


def zipped(content: bytes) -> bytes:
    """An archive with one file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("settings.env", content)
    return stream.getvalue()


def tarred(content: bytes) -> bytes:
    """The same of the other kind."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo("settings.env")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


FILES: dict[str, tuple[tuple[str, ...], Hide]] = {
    "plain": ((), lambda text: text),
    "crlf": ((), lambda text: b"a\r\nkey=" + text + b"\r\n"),
    "binary": ((), lambda text: b"\0\1\2" + text + b"\0\xff"),
    "a long line": ((), lambda text: b"x" * 200_000 + b" " + text + b" " + b"y" * 200_000),
    "a tail": ((), lambda text: text + b"-tail"),
    "utf-16-le with a mark": (
        ("utf-16",),
        lambda text: codecs.BOM_UTF16_LE + _in("utf-16-le")(b"secret = " + text),
    ),
    "utf-16-be with a mark": (
        ("utf-16",),
        lambda text: codecs.BOM_UTF16_BE + _in("utf-16-be")(b"secret = " + text),
    ),
    "base64 in lines": (("base64",), lambda text: base64.encodebytes(b"secret: " + text * 3)),
    "two literals": (("joined",), lambda text: _literals(text, b"' + '")),
    "literals in two lines": (("joined",), lambda text: _literals(text, b"' +\n    '")),
    "literals side by side": (("joined",), lambda text: _literals(text, b"'\n    '")),
    "half-quoted": (("joined",), lambda text: b"T='" + text[:20] + b"'" + text[20:] + b"\n"),
    "literals of Haskell": (("joined",), lambda text: _literals(text, b"' ++ '")),
    "literals of OCaml": (("joined",), lambda text: _literals(text, b"' ^ '")),
    "literals of Visual Basic": (("joined",), lambda text: _literals(text, b"' & _\r\n    '")),
    "literals of C#": (("joined",), lambda text: _literals(text, b"' + @'")),
    "a continued line": (("escape",), lambda text: _literals(text, b"\\\n")),
    "zip": (("zip",), zipped),
    "tar": (("tar",), tarred),
    "gzip": (("gzip",), gzip.compress),
    "bzip2": (("bzip2",), bz2.compress),
    "xz": (("xz",), lzma.compress),
    "tar in gzip": (("gzip", "tar"), lambda text: gzip.compress(tarred(text))),
    "tar in xz": (("xz", "tar"), lambda text: lzma.compress(tarred(text))),
    "zip in zip": (("zip", "zip"), lambda text: zipped(zipped(text))),
    "gzip in zip": (("zip", "gzip"), lambda text: zipped(gzip.compress(text))),
    "base64 in zip": (("zip", "base64"), lambda text: zipped(base64.b64encode(text))),
    **({} if zstd is None else {"zstd": (("zstd",), zstd.compress)}),
}
"""Found where a file has nothing else in it."""
