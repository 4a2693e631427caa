"""Take off one layer of encoding wherever a search saw one, and look again. Pure."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from keyfuse_rules.decoding import DECODERS
from keyfuse_rules.decoding.runs import Decoder, Run
from keyfuse_rules.model import Match, Matches
from keyfuse_rules.secret import Secret

# These decode all that stands around a hit, so that other hits near it are served, too, unless they
# are so near the end that a secret may be cut off.
_MARGINS = {"percent": 6_144, "escape": 6_144, "html": 6_144, "utf-16": 6_144, "joined": 640}
# Even a short stretch costs a look.
_COST = 16_384


class Site(NamedTuple):
    """A place where something seems to be encoded.

    Attributes:
        step: Name of the encoding.
        anchor: An offset within it.
        phase: For base64, see `keyfuse_rules.triggers.Signal`.
    """

    step: str
    anchor: int
    phase: int = 0


class Budget:
    """How many bytes may still be decoded for one object, so that hostile input stays cheap."""

    __slots__ = ("left",)

    def __init__(self, size: int) -> None:
        self.left = size

    def take(self, size: int) -> bool:
        """Account for some bytes; False where that was too much."""
        self.left -= size
        return self.left >= 0


def decoded_matches(
    data: bytes, sites: Iterable[Site], look: Callable[[bytes], Matches], budget: Budget
) -> Matches:
    """Return the matches below one layer of encoding, with their places in `data`.

    Args:
        data: An object.
        sites: Where to decode.
        look: Finds the matches in decoded bytes, deeper layers included.
        budget: Shared by all layers of an object.
    """
    items: list[Match] = []
    complete = True
    decoders: dict[str, Decoder] = {}
    covered: dict[tuple[str, int], int] = {}
    seen: dict[tuple[str, int, int], bool] = {}
    # All of it decides on the order, or what is read in two ways would be told in either.
    for site in sorted(set(sites), key=lambda site: (site.anchor, site.step, site.phase)):
        # In UTF-16, what stands at odd offsets is another text than what stands at even ones.
        kind = (site.step, site.anchor % 2 if site.step == "utf-16" else 0)
        if site.anchor < covered.get(kind, 0):
            continue
        decode = decoders.get(site.step)
        if decode is None:
            decode = decoders[site.step] = DECODERS[site.step]()
        for run in decode(data, site.anchor, site.phase):
            if not budget.take(len(run.data) + _COST):
                return Matches(items, complete=False)
            stretch = site.step, run.start, run.end
            if run.offsets is None and stretch in seen:
                if seen[stretch]:
                    break
                continue
            if site.step in _MARGINS:
                is_cut_off = run.end < len(data)
                covered[kind] = run.end - (_MARGINS[site.step] if is_cut_off else 0)
            below = look(run.data)
            complete = complete and below.complete
            lifted = list(_lifted(data, run, below.items))
            items += lifted
            seen[stretch] = any(match.checksum != "invalid" for match in lifted)
            if seen[stretch]:
                break
    return Matches(items, complete=complete and budget.left >= 0)


def _lifted(data: bytes, run: Run, matches: Iterable[Match]) -> Iterator[Match]:
    """Yield matches of decoded bytes as matches of the object that they were decoded from."""
    for match in matches:
        if run.doubtful and match.checksum != "valid":
            continue
        secret = match.secret
        if secret is None:
            secret = Secret(run.data[match.start : match.end].decode("latin-1"))
        start, end = run.locate(match.start, match.end)
        if data[start:end] == secret.reveal().encode("latin-1"):
            continue  # stands there plainly; decoding had to do with its neighbours only
        yield match._replace(
            start=start, end=end, decoded=(run.step, *match.decoded), secret=secret
        )


def merged(plain: list[Match], decoded: list[Match]) -> list[Match]:
    """Return both, without what is one secret at one place read in two ways.

    A wrong checksum within the place of a valid secret comes from seeing only a part of it.
    """
    proven = _stretches(match for match in decoded if match.checksum == "valid")
    whole = [
        [match for match in matches if match.checksum != "invalid" or not _touches(match, proven)]
        for matches in (plain, decoded)
    ]
    kept = whole[0]
    last: dict[tuple[str, Secret | None], int] = {}
    for match in sorted(whole[1], key=lambda match: (match.start, len(match.decoded))):
        key = (match.rule.rule_id, match.secret)
        if match.start >= last.get(key, 0):
            kept.append(match)
            last[key] = match.end
    return kept


def _stretches(matches: Iterable[Match]) -> list[tuple[int, int]]:
    """Return the places of matches in order, overlapping ones as one."""
    stretches: list[tuple[int, int]] = []
    for start, end in sorted((match.start, match.end) for match in matches):
        if stretches and start < stretches[-1][1]:
            stretches[-1] = stretches[-1][0], max(end, stretches[-1][1])
        else:
            stretches.append((start, end))
    return stretches


def _touches(match: Match, stretches: list[tuple[int, int]]) -> bool:
    """Tell whether a match shares a byte with the last stretch that begins before its end."""
    index = bisect_left(stretches, (match.end, 0))
    return index > 0 and stretches[index - 1][1] > match.start
