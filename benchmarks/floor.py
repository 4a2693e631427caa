"""What no scanner that uses the same libraries can beat, and the reader with one rule on top.

`floor REPOSITORY` inflates every entry of every pack and applies every delta once, trees included;
what is counted is that loop alone, not the reading of indexes and headers before it.
`reader REPOSITORY` looks for keyfuse keys with the own reader, the whole process counted.
`verify REPOSITORY` hashes every object the own reader sees and compares it with its id.
Each prints one line of JSON.
"""

import argparse
import gc
import hashlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KEY = rb"_kf1[0-9A-Za-z]{42}[0-4][0-9A-Za-z]{5}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("floor", "reader", "verify"))
    parser.add_argument("repository", type=Path)
    parser.add_argument("--jobs", type=int)
    arguments = parser.parse_args()
    command = ["git", "-C", arguments.repository, "rev-parse", "--git-path", "objects"]
    answer = subprocess.run(command, check=True, capture_output=True).stdout.strip()
    directory = arguments.repository / os.fsdecode(answer)
    if arguments.what == "floor":
        print(json.dumps(floor(directory)))
    else:
        print(json.dumps(read(directory, arguments.what, arguments.jobs)))


def floor(directory: Path) -> dict[str, Any]:
    from keyfuse_scanner.objectstore import deltas, inflating, plan
    from keyfuse_scanner.objectstore.headers import read_size

    gc.disable()
    seconds = 0.0
    objects = size = 0
    for grown in plan.prepare(directory, 1).packs:
        pack, entries = grown.pack, grown.entries
        kinds = bytearray(b"\3") * len(entries.kinds)  # trees count too
        forest = plan.grow(entries._replace(kinds=kinds), 1 << 62)
        streams = [_stream(pack, entries, place, read_size) for place in range(len(kinds))]
        roots = [place for unit in forest.units for place in unit.starts]
        inflate, apply = inflating.inflater.decompress, deltas.fastest
        children, siblings = forest.children, forest.siblings
        begin = time.process_time()
        for root in roots:
            data = inflate(streams[root])
            size += len(data)
            stack = [(children[root], data)]
            while stack:
                place, base = stack.pop()
                if place == 0xFFFF_FFFF:
                    continue
                stack.append((siblings[place], base))
                data = apply(base, inflate(streams[place]))[0]
                size += len(data)
                stack.append((children[place], data))
        seconds += time.process_time() - begin
        objects += len(kinds)
    return {"cpu": seconds, "objects": objects, "size": size}


def _stream(pack: Any, entries: Any, place: int, read_size: Any) -> memoryview:
    start, end = entries.starts[place], entries.starts[place + 1]
    begin = start + entries.lengths[place]
    if not entries.lengths[place]:
        _, begin = read_size(pack.data, start)
    return pack.view[begin:end]


def read(directory: Path, what: str, jobs: int | None) -> dict[str, Any]:
    from keyfuse_scanner.objectstore.scanning import scan

    make = Hashes if what == "verify" else Keys
    result = scan(directory, make, NoGit(), jobs=jobs)
    answer = {"objects": result.objects, "size": result.size, "unread": len(result.unread)}
    if what == "verify":
        wrong = sum(object_id != hashed for object_id, hashed in result.found)
        return {**answer, "hashed": len(result.found), "wrong": wrong}
    return {**answer, "found": len(result.found)}


class Keys:
    """One rule: the own format, with Hyperscan."""

    def __init__(self) -> None:
        import hyperscan

        self._hits: list[tuple[int, int]] = []
        self._database = hyperscan.Database()
        self._database.compile(
            expressions=[KEY], ids=[0], elements=1, flags=[hyperscan.HS_FLAG_SOM_LEFTMOST]
        )
        self._search = self._database.scan

    def whole(self, _kind: int, data: bytes) -> list[tuple[int, int]] | None:
        self._search(data, match_event_handler=self._note)
        if not self._hits:
            return None
        hits, self._hits = self._hits, []
        return hits

    def _note(self, _rule: int, start: int, end: int, _flags: int, _context: object) -> None:
        self._hits.append((start, end))

    def pieces(self, kind: int, pieces: Iterator[bytes]) -> list[tuple[int, int]] | None:
        """Offsets are of the piece: good enough here, where only time counts."""
        return [hit for piece in pieces for hit in self.whole(kind, piece) or ()] or None


class Hashes:
    """The id that each object should have."""

    _NAMES = (b"", b"commit", b"tree", b"blob", b"tag")

    def whole(self, kind: int, data: bytes) -> bytes:
        return hashlib.sha1(b"%s %d\0" % (self._NAMES[kind], len(data)) + data).digest()

    def pieces(self, kind: int, pieces: Iterator[bytes]) -> bytes:
        return self.whole(kind, b"".join(pieces))


class NoGit:
    """Leaves unread what the own reader cannot read."""

    def object_ids(self) -> list[bytes]:
        return []

    def read(self, _object_ids: list[bytes]) -> list[Any]:
        return []


if __name__ == "__main__":
    main()
