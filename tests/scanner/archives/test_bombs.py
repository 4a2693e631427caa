"""Little that becomes much: it is said, and no more memory is taken than for anything else."""

import bz2
import gzip
import io
import json
import lzma
import os
import random
import subprocess
import sys
import zipfile
from functools import cache

import pytest

from keyfuse_scanner.archives.model import MEBIBYTE
from keyfuse_scanner.engine import load_engine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no figure for peak memory")

MOST = 64 * MEBIBYTE
ZEROS = bytes(60 * MEBIBYTE)
# Long enough for no small window, and not to be made anew from a few bytes.
BLOCKS = random.Random(1).randbytes(MEBIBYTE) * 56
# Of a process of its own: this one may have been larger, which a child inherits.
MEASURE = """if True:
    import resource, subprocess, sys
    done = subprocess.run(sys.argv[1:], capture_output=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(done.returncode, peak * (1 if sys.platform == "darwin" else 1024))
    sys.stdout.flush()
    sys.stdout.buffer.write(done.stdout)
"""


def zipped(*contents):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"{number}", content)
    return stream.getvalue()


def xz(content, window):
    chain = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": window, "nice_len": 273}]
    return lzma.compress(content, filters=chain)


def zstd(content, log):
    module = pytest.importorskip("backports.zstd")
    return module.compress(content, options={module.CompressionParameter.window_log: log})


BOMBS = {
    "gzip": lambda: gzip.compress(ZEROS, 1),
    "zip": lambda: zipped(ZEROS),
    "zip of many": lambda: zipped(*[ZEROS[: 10 * MEBIBYTE]] * 6),
    "bzip2": lambda: bz2.compress(ZEROS),
    "xz": lambda: xz(ZEROS, 8 * MEBIBYTE),
    "xz with the window of -9": lambda: xz(BLOCKS, 64 * MEBIBYTE),
    "zstd": lambda: zstd(ZEROS, 21),
    "zstd with a window of 32 MiB": lambda: zstd(BLOCKS, 25),
    "zip in zip": lambda: zipped(zipped(ZEROS)),
    "gzip in xz": lambda: xz(gzip.compress(ZEROS, 1), MEBIBYTE),
}
TOO_LARGE = {
    "xz": lambda: xz(b"key", 128 * MEBIBYTE),
    "zstd": lambda: zstd(BLOCKS, 27),
}


def scanned(path):
    """Return exit code, peak memory in bytes, and report of a scan in a process of its own."""
    # Measuring coverage takes memory, too.
    environ = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    command = [sys.executable, "-m", "keyfuse_scanner", "scan", "--json", str(path)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *command], capture_output=True, check=True, env=environ
    )
    figures, _, report = done.stdout.partition(b"\n")
    code, peak = map(int, figures.split())
    return code, peak, json.loads(report)


@pytest.fixture
def usual(tmp_path):
    """Return the peak memory of a scan of one small file."""
    (tmp_path / "small").write_bytes(b"x")
    keep_rules()
    return scanned(tmp_path / "small")[1]


@cache
def keep_rules():
    load_engine()


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_said_and_takes_little_memory(kind, usual, tmp_path):
    (tmp_path / "bomb").write_bytes(BOMBS[kind]())
    code, peak, report = scanned(tmp_path / "bomb")
    assert code == 3
    assert [error["message"] for error in report["errors"]] == [
        "archive: more comes out of it than is looked into"
    ]
    assert peak - usual < MOST


@pytest.mark.parametrize("kind", TOO_LARGE)
def test_what_cannot_be_unpacked_in_so_much_memory_is_said(kind, usual, tmp_path):
    (tmp_path / "large").write_bytes(TOO_LARGE[kind]())
    code, peak, report = scanned(tmp_path / "large")
    assert code == 3
    assert [error["message"] for error in report["errors"]] == [
        "archive: it takes too much memory to unpack"
    ]
    assert peak - usual < MOST
