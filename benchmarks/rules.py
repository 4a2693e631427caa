"""Print the slowest rules, each alone in Hyperscan over a corpus.

    python benchmarks/rules.py FILE-OR-FOLDER… [--top 20]

A rule's head is what runs over every byte; hits are how often its tail is looked at. The last line
is all rules in one database.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import hyperscan

from keyfuse_rules.pack import default_rules

BLOB = 64 * 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", nargs="+", type=Path)
    parser.add_argument("--top", type=int, default=20)
    options = parser.parse_args()
    blobs = [blob for path in options.corpus for blob in pieces(path)]
    size = sum(map(len, blobs))
    print(f"{len(blobs)} pieces, {size:,} bytes")
    rules = default_rules()[1:]
    timed = []
    for rule in rules:
        seconds, hits = measure([rule.pattern.encode()], blobs)
        timed.append((seconds, hits, rule))
    timed.sort(key=lambda entry: -entry[0])
    for seconds, hits, rule in timed[: options.top]:
        print(f"{size / seconds / 1e6:9,.0f} MB/s  {hits:9,} hits  {rule.rule_id}")
    started = time.perf_counter()
    seconds, hits = measure([rule.pattern.encode() for rule in rules], blobs)
    compiling = time.perf_counter() - started - seconds
    print(f"{size / seconds / 1e6:9,.0f} MB/s  {hits:9,} hits  all {len(rules)} rules together")
    print(f"compiled in {compiling:.2f} s")


def pieces(path: Path) -> list[bytes]:
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    contents = (file.read_bytes() for file in files)
    return [data[at : at + BLOB] for data in contents for at in range(0, len(data), BLOB)]


def measure(expressions: list[bytes], blobs: list[bytes]) -> tuple[float, int]:
    """Return CPU seconds of one pass over all blobs, and the matches told in it."""
    database = hyperscan.Database()
    count = len(expressions)
    flags = [hyperscan.HS_FLAG_SOM_LEFTMOST] * count
    database.compile(expressions=expressions, ids=list(range(count)), flags=flags)
    hits, on_match = counter()
    started = time.process_time()
    for blob in blobs:
        database.scan(blob, match_event_handler=on_match)
    return max(time.process_time() - started, 1e-9), len(hits)


def counter() -> tuple[list[int], Callable[[int, int, int, int, object], None]]:
    hits: list[int] = []

    def on_match(index: int, _start: int, _end: int, _flags: int, _context: object) -> None:
        hits.append(index)

    return hits, on_match


if __name__ == "__main__":
    main()
