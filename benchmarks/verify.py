"""How fast a key is verified: in process and over HTTP, on SQLite and PostgreSQL, beside others.

    python benchmarks/verify.py [--keys 100000] [--rounds 5] [--calls 20000]
                                [--postgresql URL] [--skip postgresql|http|peers]…

Every round runs each candidate once, so that ratios hold on a machine that does other things too;
medians are over the rounds. The peers are installed into scratch environments; without a network
they are left out, and the output says so.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from floors import lookup_and_hmac, round_trip
from http_rounds import questions, serving
from keys_in_bulk import PEPPERS, SCOPE, Filled, Sample, fill, sample
from peer_processes import Peer, PeerMissing
from rounds import Candidate, in_turn, print_runs, ratio, timed

from keyfuse_store import KeyStore

FLOOR = "floor: SELECT + HMAC + compare"
VALID = "keyfuse: valid, scope and rate limit"
DRF = "djangorestframework-api-key"


def main() -> None:
    options = _options()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="keyfuse-benchmark")))
        sqlite = stack.enter_context(_filled(folder, f"sqlite:///{folder}/keys.db", options.keys))
        asked = sample(sqlite, options.calls)
        peers = [] if "peers" in options.skip else _peers(folder, options.keys)
        _sqlite(sqlite.store, asked, peers, options.rounds)
        _differences(peers)
        if "http" not in options.skip and shutil.which("wrk") is None:
            print("over HTTP is left out: there is no wrk to load with", file=sys.stderr)
            options.skip.append("http")
        if "http" not in options.skip:
            _http("SQLite", folder, sqlite.store, asked, options.rounds)
        if "postgresql" not in options.skip:
            url = options.postgresql or _postgresql(stack)
            filled = stack.enter_context(_filled(folder, url, options.keys))
            asked = sample(filled, options.calls // 4)
            _on_postgresql(filled.store, asked, options.rounds)
            if "http" not in options.skip:
                _http("PostgreSQL", folder, filled.store, asked, options.rounds)
        for _, peer in peers:
            peer.close()


def _sqlite(store: KeyStore, asked: Sample, peers: list[tuple[str, Peer]], rounds: int) -> None:
    candidates: dict[str, Candidate] = {
        FLOOR: lookup_and_hmac(store, PEPPERS[1], asked.valid),
        VALID: _verify(store, asked.valid, "valid"),
        "keyfuse: valid, and whose key it is": _verify(store, asked.valid, "valid", holder=True),
        "keyfuse: unknown id, right checksum": _verify(store, asked.unknown, "unknown"),
        "keyfuse: wrong checksum": _verify(store, asked.mistyped, "malformed"),
    }
    for name, peer in peers:
        candidates |= _PEER_RUNS[name](peer)
    runs = in_turn(candidates, rounds)
    print_runs(f"In process, SQLite, {len(asked.valid):,} keys at random", runs, FLOOR)
    if DRF in runs:
        print(f"  keyfuse is {ratio(runs, DRF, VALID):.1f} times as fast as {DRF}")


def _on_postgresql(store: KeyStore, asked: Sample, rounds: int) -> None:
    floor = "floor: the driver's round trip for the row"
    candidates: dict[str, Candidate] = {
        floor: round_trip(store, asked.valid),
        FLOOR: lookup_and_hmac(store, PEPPERS[1], asked.valid),
        VALID: _verify(store, asked.valid, "valid"),
        "keyfuse: unknown id, right checksum": _verify(store, asked.unknown, "unknown"),
    }
    runs = in_turn(candidates, rounds)
    print_runs(f"In process, PostgreSQL, {len(asked.valid):,} keys at random", runs, floor)


def _http(kind: str, folder: Path, store: KeyStore, asked: Sample, rounds: int) -> None:
    url = store.database.engine.url.render_as_string(hide_password=False)
    bodies = questions(asked.valid[:10_000], SCOPE)
    with serving(folder, url) as server:
        candidates = {
            "floor: empty POST that reads the body": server.posts("/empty", bodies, b"{}"),
            "keyfuse: POST /v1/verify, valid": server.posts("/v1/verify", bodies, b'"valid":true'),
        }
        runs = in_turn(candidates, rounds)
    floor, verify = candidates
    print_runs(f"Over HTTP, {kind}, 16 connections (cpu: the server's)", runs, floor)
    print(
        f"  /v1/verify is {ratio(runs, floor, verify):.2f} of the empty POST by the clock, "
        f"{ratio(runs, floor, verify, cpu=True):.2f} by the server's processor time"
    )


def _verify(store: KeyStore, tokens: list[str], code: str, *, holder: bool = False) -> Candidate:
    scopes = [SCOPE]

    def work() -> None:
        verify = store.verify
        for token in tokens:
            assert verify(token, scopes=scopes, holder=holder).code == code

    return lambda: timed(len(tokens), work)


def _peers(folder: Path, keys: int) -> list[tuple[str, Peer]]:
    peers = []
    for name, script in ((DRF, "drf_api_key"), ("keyshield", "keyshield_service")):
        try:
            peers.append((name, Peer(folder, script, str(keys))))
        except PeerMissing as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return peers


def _drf_runs(peer: Peer) -> dict[str, Candidate]:
    return {DRF: lambda: peer.run("2000")}


def _keyshield_runs(peer: Peer) -> dict[str, Candidate]:
    keys = peer.ready["keys"]
    return {
        f"keyshield as it comes ({keys} keys)": lambda: peer.run("default 2"),
        f"keyshield, cache and no delay ({keys} keys)": lambda: peer.run("cached 100"),
    }


_PEER_RUNS: dict[str, Callable[[Peer], dict[str, Candidate]]] = {
    DRF: _drf_runs,
    "keyshield": _keyshield_runs,
}


def _differences(peers: list[tuple[str, Peer]]) -> None:
    """A key is revoked in worker A that worker B has just used; who serves it afterwards?"""
    print("\nA key revoked in one worker that another has just used: is it accepted?")
    for name, peer in peers:
        if name == "keyshield":
            found = peer.ask("unrevoke")
            print(f"  keyshield  {', '.join(f'{who}: {_yes(was)}' for who, was in found.items())}")
    with tempfile.TemporaryDirectory() as home:
        url = f"sqlite:///{home}/two.db"
        with _filled(Path(home), url, 1) as a, _filled(Path(home), url, 0) as b:
            token = a.tokens[0]
            b.store.verify(token)
            a.store.revoke(a.store.list()[0].id, reason="leaked")
            answers = [a.store.verify(token).ok, b.store.verify(token).ok]
            b.store.flush()
            answers.append(a.store.verify(token).ok)
    who = ("revoking worker right after", "other worker", "revoking worker after that")
    found = ", ".join(f"{one}: {_yes(was)}" for one, was in zip(who, answers, strict=True))
    print(f"  keyfuse    {found}")


def _yes(accepted: bool) -> str:
    return "YES" if accepted else "no"


@contextmanager
def _filled(home: Path, url: str, keys: int) -> Iterator[Filled]:
    filled = fill(home, url, keys)
    try:
        yield filled
    finally:
        filled.store.close()


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
