"""The hunt: no plaintext key may stand in anything a test run writes, but where it was planted."""

import base64
import binascii
import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from keyfuse_rules.keyfinding import find_keys

PLANTED = "planted"
_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/\r\n]{60,}={0,2}")
_SOFT_BREAK = re.compile(rb"=\r?\n")


def holds_key(data: bytes) -> bool:
    """Tell whether a valid key stands in `data`, plainly or as mail and logs encode text."""
    return any(
        key.valid for shape in _shapes(data) if b"_kf1" in shape for key in find_keys(shape).keys
    )


def hunted(headers: bytes, body: bytes) -> None:
    """Fail the test to which an HTTP answer brings a key."""
    assert not holds_key(headers), "a plaintext key stands in the headers of an answer"
    assert not holds_key(body), "a plaintext key stands in the body of an answer"


def files_with_keys(folder: Path) -> list[Path]:
    """Return every file below `folder` that holds a key, planted ones left out."""
    return [path for path in _files(folder) if holds_key(path.read_bytes())]


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in folder.walk() if hasattr(folder, "walk") else _walk(folder):
        folders[:] = [name for name in folders if not name.startswith(PLANTED)]
        for name in names:
            path = parent / name
            if path.is_file() and not path.is_symlink() and not name.startswith(PLANTED):
                yield path


def _walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    import os

    for parent, folders, names in os.walk(folder):
        yield Path(parent), folders, names


def _shapes(data: bytes) -> Iterator[bytes]:
    yield data
    yield data.replace(b"\0", b"")
    yield _SOFT_BREAK.sub(b"", data)
    for run in _BASE64_RUN.finditer(data):
        text = re.sub(rb"[\r\n=]", b"", run[0])
        try:
            yield base64.b64decode(text + b"=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            continue
    if data[:2] == b"\x1f\x8b":
        try:
            yield gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            return
