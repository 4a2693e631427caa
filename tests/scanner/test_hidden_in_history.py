"""Every way to hide a key in a blob of a packed history, and decoys that look the same."""

import base64
import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest

from keyfuse_rules.pack import default_rules
from keyfuse_scanner.engine import load_matcher
from keyfuse_scanner.git import Repository
from keyfuse_scanner.modes import Scanning, scan_history
from keyfuse_scanner.scan import conclude
from support.keys import break_checksum, make_key

MATCHER = load_matcher(default_rules()[:1], cache=False)


def zipped(data):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", data)
    return file.getvalue()


def tarred(data):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        info = tarfile.TarInfo("inner.txt")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


WAYS = {
    "plain": lambda key: key,
    "crlf": lambda key: b"a\r\nkey=" + key + b"\r\n",
    "binary": lambda key: b"\0\1\2" + key + b"\0\xff",
    "a long line": lambda key: b"x" * 200_000 + b" " + key + b" " + b"y" * 200_000,
    "a tail": lambda key: key + b"-tail",
    "utf-16-le": lambda key: b"\xff\xfe" + key.decode().encode("utf-16-le"),
    "utf-16-be": lambda key: key.decode().encode("utf-16-be"),
    "base64": lambda key: base64.b64encode(b"token: " + key),
    "base64 twice": lambda key: base64.b64encode(base64.b64encode(b"a token: " + key)),
    "hex": lambda key: key.hex().encode(),
    "percent": lambda key: b"".join(b"%%%02X" % byte for byte in key),
    "unicode": lambda key: b"".join(b"\\u%04x" % byte for byte in key),
    "joined": lambda key: b'a = "' + key[:25] + b'" + "' + key[25:] + b'"',
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": zipped,
    "tar": tarred,
    "zip in gzip": lambda key: gzip.compress(zipped(key)),
}


@pytest.mark.parametrize("removed", [False, True])
def test_each_way_to_hide_a_key_is_seen_and_no_decoy_is(repo, removed):
    keys = {way: make_key(seed=seed).reveal() for seed, way in enumerate(WAYS, 300)}
    for number, (way, hide) in enumerate(WAYS.items()):
        repo.stage(f"{number}", hide(keys[way].encode()))
        repo.stage(f"decoy-{number}", hide(break_checksum(keys[way]).encode()))
    repo.commit("everything")
    if removed:
        repo.git("rm", "--quiet", "-r", ".")
        repo.commit("nothing")
    repo.git("gc", "--quiet")
    result = conclude(scan_history(Scanning(MATCHER), Repository()), MATCHER)
    assert result.errors == []
    found = {finding.path: finding.key_id for finding in result.findings}
    assert found == {f"{number}": keys[way][-48:-38] for number, way in enumerate(WAYS)}
