"""The peers beside keyfuse: their rounds, and who serves a key that was just revoked."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from keys_in_bulk import filled
from peer_processes import Peer, PeerMissing
from rounds import Candidate

DRF = "djangorestframework-api-key"


def open_peers(folder: Path, keys: int) -> list[tuple[str, Peer]]:
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


RUNS: dict[str, Callable[[Peer], dict[str, Candidate]]] = {
    DRF: _drf_runs,
    "keyshield": _keyshield_runs,
}


def differences(peers: list[tuple[str, Peer]]) -> None:
    """A key is revoked in worker A that worker B has just used; who serves it afterwards?"""
    print("\nA key revoked in one worker that another has just used: is it accepted?")
    for name, peer in peers:
        if name == "keyshield":
            found = peer.ask("unrevoke")
            print(f"  keyshield  {', '.join(f'{who}: {_yes(was)}' for who, was in found.items())}")
    with tempfile.TemporaryDirectory() as home:
        url = f"sqlite:///{home}/two.db"
        with filled(Path(home), url, 1) as a, filled(Path(home), url, 0) as b:
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
