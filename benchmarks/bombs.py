"""Scan files of which little is stored and much comes out, with keyfuse as it is installed.

    python benchmarks/bombs.py --keyfuse keyfuse

Each holds a gibibyte of zeros. It has to be said that not all was looked into, within a second and
in 64 MB. zstd is left out where Python has no module for it.
"""

import argparse
import bz2
import gzip
import lzma
import tempfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any

from measured import in_turn, medians, memory, run

_PIECE = bytes(1024 * 1024)
_PIECES = 1024
_SECONDS, _MEGABYTES = 1.0, 64.0
_INCOMPLETE = 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keyfuse", required=True, help="the installed program")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="keyfuse-bombs") as folder:
        files = {name: _made(Path(folder, f"bomb.{name}"), fill) for name, fill in _BOMBS.items()}
        commands = {
            name: partial(run, [arguments.keyfuse, "scan", str(file)], codes=(_INCOMPLETE,))
            for name, file in files.items()
        }
        for command in commands.values():
            command()
        found = in_turn(commands, arguments.runs)
        print(f"{'':8}{'kB':>8}{'wall s':>9}{'CPU s':>9}{'anon MB':>9}")
        for name, runs in found.items():
            wall, cpu = medians(runs)
            peak = memory([arguments.keyfuse, "scan", str(files[name])]).anonymous / 1e6
            kept = wall <= _SECONDS and peak <= _MEGABYTES
            size = files[name].stat().st_size / 1e3
            print(
                f"{name:8}{size:8.0f}{wall:9.2f}{cpu:9.2f}{peak:9.1f}"
                f"  {'reached' if kept else 'MISSED'}"
            )


def _made(file: Path, fill: Callable[[Path], None]) -> Path:
    fill(file)
    return file


def _fill(opened: Callable[[Path], IO[bytes]], file: Path) -> None:
    with opened(file) as stream:
        for _ in range(_PIECES):
            stream.write(_PIECE)


def _zip(file: Path) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        _fill(lambda _: archive.open("zeros", "w"), file)


def _opening(function: Any) -> Callable[[Path], None]:
    return partial(_fill, lambda file: function(file, "wb"))


def _zstd() -> dict[str, Callable[[Path], None]]:
    try:
        from backports import zstd
    except ImportError:
        return {}
    return {"zstd": _opening(zstd.open)}


_BOMBS: dict[str, Callable[[Path], None]] = {
    "zip": _zip,
    "gzip": _opening(gzip.open),
    "bzip2": _opening(bz2.open),
    "xz": _opening(lzma.open),
    **_zstd(),
}


if __name__ == "__main__":
    main()
