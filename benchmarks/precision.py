"""Run the default rules over the newest commit of a repository and print what they find.

    python benchmarks/precision.py PATH-OF-A-GIT-DIRECTORY [--all]

Hyperscan, if it is installed, tells which rules to ask for which file; the verdicts are those of
`keyfuse_rules`. Secrets are shown redacted, unless `--show` asks for them.
"""

import subprocess
import sys
from collections.abc import Iterator

from keyfuse_rules.judgement import judge
from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import Rule
from keyfuse_rules.pack import default_rules
from keyfuse_rules.redact import redact


def main(repository: str, options: set[str]) -> None:
    rules = default_rules()
    triggered = prefilter(rules)
    matchers: dict[tuple[int, ...], Matcher] = {}
    shown = files = size = 0
    for path, data in work_tree(repository):
        files, size = files + 1, size + len(data)
        wanted = triggered(data)
        if not wanted:
            continue
        matcher = matchers.setdefault(wanted, Matcher([rules[index] for index in wanted]))
        for match in matcher.matches(data).items:
            verdict = judge(match, path)
            if not verdict.shown and "--all" not in options:
                continue
            shown += 1
            secret = data[match.start : match.end].decode("latin-1")
            line = data.count(b"\n", 0, match.start) + 1
            text = secret[:160] if "--show" in options else redact(match.rule, secret)
            print(
                f"{path.decode()}:{line}\t{match.rule.rule_id}\t{verdict.severity.label}\t"
                f"{match.checksum}\t{verdict.reason or ''}\t{text!r}"
            )
    print(f"{files} files, {size:,} bytes, {shown} findings")


def prefilter(rules: tuple[Rule, ...]):  # type: ignore[no-untyped-def]
    import hyperscan

    expressions = [rule.pattern.encode() or rb"_kf1[0-9A-Za-z]{48}" for rule in rules]
    database = hyperscan.Database()
    database.compile(
        expressions=expressions,
        ids=list(range(len(rules))),
        flags=[hyperscan.HS_FLAG_SINGLEMATCH] * len(rules),
    )

    def triggered(data: bytes) -> tuple[int, ...]:
        hits: set[int] = set()

        def on_match(index: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            hits.add(index)

        database.scan(data, match_event_handler=on_match)
        return tuple(sorted(hits))

    return triggered


def work_tree(repository: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield path and content of every file of the newest commit."""
    git = ["git", f"--git-dir={repository}", "-c", "core.fsmonitor=false"]
    listing = subprocess.run(
        [*git, "ls-tree", "-r", "-z", "HEAD"], check=True, capture_output=True
    ).stdout
    entries = [entry.partition(b"\t") for entry in listing.split(b"\0") if b" blob " in entry]
    ids = {head.split()[2]: path for head, _, path in entries}
    process = subprocess.Popen(
        [*git, "cat-file", "--batch", "--buffer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    import threading

    stdin = process.stdin

    def ask() -> None:
        stdin.write(b"\n".join(ids) + b"\n")
        stdin.close()

    threading.Thread(target=ask).start()
    for path in ids.values():
        header = process.stdout.readline().split()
        if header[1] == b"missing":
            continue
        data = process.stdout.read(int(header[2]))
        process.stdout.read(1)
        yield path, data


if __name__ == "__main__":
    main(sys.argv[1], set(sys.argv[2:]))
