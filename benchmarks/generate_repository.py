"""Make a large repository with planted keys, the same one for the same arguments.

    python benchmarks/generate_repository.py TARGET [--commits 20000] [--files 800] [--keys 10]

The keys are made here and now and stand in no file of this project. They lie all over the history;
most are gone from the newest commit. What was planted is printed as JSON: key id, commit, path.
"""

import argparse
import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from keyfuse_rules.keyformat import RANDOMNESS_LENGTH, build, parse

_WORDS = [
    first + second
    for first in ("get", "set", "load", "save", "parse", "render", "merge", "check", "list", "drop")
    for second in ("_user", "_item", "_page", "_token", "_graph", "_index", "_query", "_theme", "")
]


class Planted(NamedTuple):
    """A key and where it was put; `mark` numbers the commit."""

    key_id: str
    mark: int
    path: str


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", type=Path)
    parser.add_argument("--commits", type=int, default=20_000)
    parser.add_argument("--files", type=int, default=800)
    parser.add_argument("--keys", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    planted = generate(
        arguments.target, arguments.commits, arguments.files, arguments.keys, arguments.seed
    )
    print(json.dumps(planted, indent=1))


def generate(target: Path, commits: int, files: int, keys: int, seed: int) -> list[dict[str, str]]:
    """Make a bare repository, packed as `git gc` packs it; return what was planted."""
    subprocess.run(["git", "init", "-q", "--bare", target], check=True)
    marks = target / "marks"
    planted: list[Planted] = []
    command = ["git", "-C", target, "fast-import", "--quiet", "--export-marks=marks"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for part in _history(random.Random(seed), commits, files, keys, planted):
            process.stdin.write(part)
    assert process.returncode == 0, "git fast-import failed"
    ids = dict(line.split() for line in marks.read_text().splitlines())
    marks.unlink()
    subprocess.run(["git", "-C", target, "repack", "-adfq"], check=True)
    return [
        {"key_id": each.key_id, "commit": ids[f":{each.mark}"], "path": each.path}
        for each in planted
    ]


def _history(
    choose: random.Random, commits: int, files: int, keys: int, planted: list[Planted]
) -> Iterator[bytes]:
    """Yield a fast-import stream; each commit changes a few lines in a few files."""
    texts = [_text(choose, choose.randrange(40, 900)) for _ in range(files)]
    paths = [f"{choose.choice(_WORDS)}/{choose.choice(_WORDS)}{n}.py" for n in range(files)]
    plantings = set(choose.sample(range(1, commits), keys))
    secret: tuple[int, int] | None = None
    for mark in range(1, commits + 1):
        changed = set(range(files)) if mark == 1 else {choose.randrange(files) for _ in range(3)}
        for number in changed:
            _edit(choose, texts[number])
        if secret is not None:  # the next commit takes the key out again
            number, line = secret
            changed.add(number)
            texts[number][line % len(texts[number])] = _line(choose)
            secret = None
        if mark in plantings:
            number = choose.choice(sorted(changed))
            secret = number, choose.randrange(len(texts[number]))
            key = build("acme_live", choose.randbytes(RANDOMNESS_LENGTH)).reveal()
            texts[number][secret[1]] = f'    API_KEY = "{key}"'
            parsed = parse(key)
            assert parsed is not None, "a key that was just built is valid"
            planted.append(Planted(parsed.key_id, mark, paths[number]))
        yield f"commit refs/heads/main\nmark :{mark}\n".encode()
        yield f"committer Ada <ada@example.com> {1_600_000_000 + mark * 600} +0000\n".encode()
        message = f"{choose.choice(_WORDS)}: {_line(choose).strip()}\n"
        yield f"data {len(message)}\n{message}".encode()
        for number in sorted(changed):
            content = "\n".join(texts[number]).encode()
            yield f"M 100644 inline {paths[number]}\ndata {len(content)}\n".encode()
            yield content + b"\n"


def _edit(choose: random.Random, lines: list[str]) -> None:
    for _ in range(choose.randrange(1, 4)):
        at = choose.randrange(len(lines))
        if choose.random() < 0.5:
            lines[at] = _line(choose)
        else:
            lines.insert(at, _line(choose))


def _text(choose: random.Random, lines: int) -> list[str]:
    return [_line(choose) for _ in range(lines)]


def _line(choose: random.Random) -> str:
    one, two, three = (choose.choice(_WORDS) for _ in range(3))
    return f"{'    ' * choose.randrange(4)}{one}({two}, {three}={choose.randrange(1 << 20)})"


if __name__ == "__main__":
    main()
