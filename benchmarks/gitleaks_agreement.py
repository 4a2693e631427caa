"""Compare rules imported from a gitleaks configuration with the gitleaks binary.

    python benchmarks/gitleaks_agreement.py CONFIG.toml GITLEAKS-BINARY

Texts are generated from each rule's expression, one rule's texts a file; both sides say which
rules find something in which file. What differs is printed, with the share that agrees.
"""

import json
import subprocess
import sys
import tempfile
import warnings
from collections import defaultdict
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning

from keyfuse_rules.gitleaks import convert
from keyfuse_rules.judgement import judge
from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import Rule

TEXTS = 6
FILLER = "\n# nothing to see on this line\n"


def main(config: Path, binary: str) -> None:
    warnings.simplefilter("ignore", HypothesisWarning)
    imported = convert(config.read_text(), config.name)
    for note in imported.notes:
        print("note:", note)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for rule in imported.rules:
            (corpus / f"{rule.rule_id}.txt").write_bytes(FILLER.join(texts(rule)).encode())
        theirs = by_gitleaks(corpus, config, binary)
        ours = by_keyfuse(corpus, imported.rules)
    agreed = 0
    for rule in imported.rules:
        mine, other = ours[rule.rule_id], theirs[rule.rule_id]
        if mine == other:
            agreed += 1
        else:
            print(rule.rule_id, "only ours:", mine - other, "only gitleaks:", other - mine)
    met = sum(rule.rule_id in ours[rule.rule_id] for rule in imported.rules)
    print(
        f"{agreed} of {len(imported.rules)} rules agree, {len(imported.left_out)} left out; "
        f"{met} found something in their own texts"
    )


def texts(rule: Rule) -> list[str]:
    pattern = rule.pattern.replace("(?<secret>", "(?P<secret>")
    found: list[str] = []
    keyword = rule.keywords[0].decode() if rule.keywords else ""

    @settings(
        max_examples=TEXTS,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.from_regex(pattern.encode(), fullmatch=True))
    def collect(text: bytes) -> None:
        found.append(f"{keyword} " + text.decode("latin-1"))

    try:
        collect()
    except Exception as error:  # noqa: BLE001 - the generator does not know every construct
        print("not generated:", rule.rule_id, type(error).__name__, str(error)[:80])
    return found


def by_keyfuse(corpus: Path, rules: tuple[Rule, ...]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    matcher = Matcher(rules)
    for file in corpus.iterdir():
        for match in matcher.matches(file.read_bytes()).items:
            if judge(match, file.name.encode()).shown:
                found[match.rule.rule_id].add(file.stem)
    return found


def by_gitleaks(corpus: Path, config: Path, binary: str) -> dict[str, set[str]]:
    report = corpus.parent / "report.json"
    subprocess.run(
        [binary, "dir", str(corpus), "-c", str(config), "-f", "json", "-r", str(report),
         "--exit-code", "0", "--no-banner", "--max-decode-depth", "0"],
        check=True, capture_output=True,
    )  # fmt: skip
    found: dict[str, set[str]] = defaultdict(set)
    for entry in json.loads(report.read_text()):
        found[entry["RuleID"]].add(Path(entry["File"]).stem)
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
