"""Does the time of an answer tell an unknown id from a known id with a wrong secret?

    python benchmarks/timing.py [--keys 10000] [--pairs 100000] [--postgresql URL]

Both are answered `unknown`. Questions come in pairs, one of each kind in random order, so that
whatever slows the machine slows both. Printed are the difference of the medians, the effect size
(Cohen's d of the differences within a pair, outliers cut at 1 %), each with a 95 % confidence
interval by bootstrap, and how many questions an attacker on the same machine would need. The id of
a key is not secret: it is in logs and mails. What must not show is anything about the secret.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from zlib import crc32

from keys_in_bulk import Filled, fill, sample

from keyfuse_rules.base62 import encode_crc32
from keyfuse_rules.keyformat import CHECKSUM_LENGTH, SECRET_LENGTH

_SECRET = slice(-SECRET_LENGTH - CHECKSUM_LENGTH, -CHECKSUM_LENGTH)
_RESAMPLED = 500
_CUT = 0.01


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="keyfuse-timing") as folder:
        url = options.postgresql or f"sqlite:///{folder}/keys.db"
        filled = fill(Path(folder), url, options.keys)
        try:
            pairs = _measure(filled, options.pairs)
        finally:
            filled.store.close()
    unknown, wrong = ([pair[kind] for pair in pairs] for kind in (0, 1))
    differences = _trimmed([right - left for left, right in pairs])
    print(f"{len(pairs):,} pairs, {options.keys:,} keys; nanoseconds")
    print(f"  unknown id            median {statistics.median(unknown):10.0f}")
    print(f"  known id, wrong secret median {statistics.median(wrong):9.0f}")
    _print("difference of a pair, median", statistics.median, differences)
    _print("effect size (Cohen's d)", _effect, differences)
    effect = abs(_effect(differences)) or 1e-9
    print(f"  questions for 95 % certainty about one id: about {max(1, (1.96 / effect) ** 2):.0f}")


def _measure(filled: Filled, count: int) -> list[tuple[int, int]]:
    """The times of an unknown id and of a wrong secret, pair by pair."""
    asked, verify, clock = sample(filled, count), filled.store.verify, time.perf_counter_ns
    wrong = [_with_another_secret(token) for token in asked.valid]
    source, pairs = random.Random(1), []
    for number in range(count):
        questions = (asked.unknown[number % len(wrong)], wrong[number % len(wrong)])
        times = [0, 0]
        for kind in source.sample((0, 1), 2):
            begun = clock()
            code = verify(questions[kind]).code
            times[kind] = clock() - begun
            assert code == "unknown"
        pairs.append((times[0], times[1]))
    return pairs


def _with_another_secret(token: str) -> str:
    body = token[: _SECRET.start] + token[_SECRET][::-1]
    return body + encode_crc32(crc32(body.encode()))


def _print(what: str, figure: Callable[[Sequence[float]], float], values: Sequence[float]) -> None:
    source = random.Random(2)
    again = sorted(
        figure(source.choices(values, k=min(len(values), 20_000))) for _ in range(_RESAMPLED)
    )
    low, high = again[int(0.025 * _RESAMPLED)], again[int(0.975 * _RESAMPLED)]
    print(f"  {what:30} {figure(values):10.3f}   95 % interval {low:.3f} … {high:.3f}")


def _effect(differences: Sequence[float]) -> float:
    return statistics.fmean(differences) / (statistics.pstdev(differences) or 1e-9)


def _trimmed(values: list[int]) -> list[int]:
    cut = int(len(values) * _CUT)
    return sorted(values)[cut : len(values) - cut]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--postgresql", metavar="URL", help="an empty database")
    return parser.parse_args()


if __name__ == "__main__":
    main()
