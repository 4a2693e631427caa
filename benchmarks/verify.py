"""How fast a key is verified: in process and over HTTP, on SQLite and PostgreSQL, beside others.

    python benchmarks/verify.py [--keys 100000] [--rounds 5] [--calls 20000]
                                [--postgresql URL] [--skip postgresql|http|peers]…

Every round runs each candidate once, so that ratios hold on a machine that does other things too;
medians are over the rounds. The peers are installed into scratch environments; without a network
they are left out, and the output says so. The last lines are the figures that keyfuse is held to:
they mean something on a machine that does nothing else.
"""

import argparse
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bars import Bar, print_bars
from floors import lookup_and_hmac, round_trip
from http_rounds import questions, serving
from keys_in_bulk import PEPPERS, SCOPE, Sample, filled, sample
from peer_processes import Peer
from peers_beside import DRF, RUNS, differences, open_peers
from rounds import Candidate, in_turn, print_runs, ratio, speed, timed

from keyfuse_store import KeyStore

FLOOR = "floor: SELECT + HMAC + compare"
VALID = "keyfuse: valid, scope and rate limit"
UNKNOWN = "keyfuse: unknown id, right checksum"
MISTYPED = "keyfuse: wrong checksum"


def main() -> None:
    options = _options()
    bars: list[Bar] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="keyfuse-benchmark")))
        sqlite = stack.enter_context(filled(folder, f"sqlite:///{folder}/keys.db", options.keys))
        asked = sample(sqlite, options.calls)
        peers = [] if "peers" in options.skip else open_peers(folder, options.keys)
        bars += _sqlite(sqlite.store, asked, peers, options.rounds)
        differences(peers)
        if "http" not in options.skip and shutil.which("wrk") is None:
            print("over HTTP is left out: there is no wrk to load with", file=sys.stderr)
            options.skip.append("http")
        if "http" not in options.skip:
            bars += _http("SQLite", folder, sqlite.store, asked, options.rounds)
        if "postgresql" not in options.skip:
            url = options.postgresql or _postgresql(stack)
            server = stack.enter_context(filled(folder, url, options.keys))
            asked = sample(server, options.calls // 4)
            bars += _on_postgresql(server.store, asked, options.rounds)
            if "http" not in options.skip:
                _http("PostgreSQL", folder, server.store, asked, options.rounds)
        for _, peer in peers:
            peer.close()
    print_bars(bars)


def _sqlite(
    store: KeyStore, asked: Sample, peers: list[tuple[str, Peer]], rounds: int
) -> list[Bar]:
    candidates: dict[str, Candidate] = {
        FLOOR: lookup_and_hmac(store, PEPPERS[1], asked.valid),
        VALID: _verify(store, asked.valid, "valid"),
        "keyfuse: valid, and whose key it is": _verify(store, asked.valid, "valid", holder=True),
        UNKNOWN: _verify(store, asked.unknown, "unknown"),
        MISTYPED: _verify(store, asked.mistyped, "malformed"),
    }
    for name, peer in peers:
        candidates |= RUNS[name](peer)
    runs = in_turn(candidates, rounds)
    print_runs(f"In process, SQLite, {len(asked.valid):,} keys at random", runs, FLOOR)
    beside = []
    if DRF in runs:
        beside.append(Bar(f"SQLite, valid: times as fast as {DRF}", ratio(runs, DRF, VALID), 12))
    return [
        Bar("SQLite, valid, with a scope and a rate limit: calls/s", speed(runs, VALID), 80_000),
        Bar("SQLite, valid: times the floor", ratio(runs, VALID, FLOOR), 1.5, at_least=False),
        *beside,
        Bar("SQLite, wrong checksum: calls/s", speed(runs, MISTYPED), 700_000),
        Bar("SQLite, unknown id, right checksum: calls/s", speed(runs, UNKNOWN), 100_000),
    ]


def _on_postgresql(store: KeyStore, asked: Sample, rounds: int) -> list[Bar]:
    floor = "floor: the driver's round trip for the row"
    candidates: dict[str, Candidate] = {
        floor: round_trip(store, asked.valid),
        FLOOR: lookup_and_hmac(store, PEPPERS[1], asked.valid),
        VALID: _verify(store, asked.valid, "valid"),
        UNKNOWN: _verify(store, asked.unknown, "unknown"),
    }
    runs = in_turn(candidates, rounds)
    print_runs(f"In process, PostgreSQL, {len(asked.valid):,} keys at random", runs, floor)
    return [Bar("PostgreSQL, valid: round trips", ratio(runs, VALID, floor), 1.25, at_least=False)]


def _http(kind: str, folder: Path, store: KeyStore, asked: Sample, rounds: int) -> list[Bar]:
    url = store.database.engine.url.render_as_string(hide_password=False)
    bodies = questions(asked.valid[:10_000], SCOPE)
    floor, verify = "floor: empty POST that reads the body", "keyfuse: POST /v1/verify, valid"
    with serving(folder, url) as server:
        candidates = {
            floor: server.posts("/empty", bodies, b"{}"),
            verify: server.posts("/v1/verify", bodies, b'"valid":true'),
        }
        runs = in_turn(candidates, rounds)
    print_runs(f"Over HTTP, {kind}, 16 connections (cpu: the server's)", runs, floor)
    by_clock = ratio(runs, floor, verify)
    by_processor = ratio(runs, floor, verify, cpu=True)
    print(
        f"  /v1/verify is {by_clock:.2f} of the empty POST by the clock, {by_processor:.2f} by the "
        "server's processor time"
    )
    return [Bar(f"HTTP, {kind}: part of an empty POST", by_clock, 0.65)]


def _verify(store: KeyStore, tokens: list[str], code: str, *, holder: bool = False) -> Candidate:
    scopes = [SCOPE]

    def work() -> None:
        verify = store.verify
        for token in tokens:
            assert verify(token, scopes=scopes, holder=holder).code == code

    return lambda: timed(len(tokens), work)


def _postgresql(stack: ExitStack) -> str:
    """A database on the server that the tests use."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from support.postgres import postgres_server

    return stack.enter_context(postgres_server().database())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--postgresql", metavar="URL", help="an empty one; default: the tests' own")
    parts = ["postgresql", "http", "peers"]
    parser.add_argument("--skip", action="append", default=[], choices=parts)
    return parser.parse_args()


if __name__ == "__main__":
    main()
