"""Hold the coverage of each package to its floor, after `make test` has measured it.

    python .ci/coverage_floors.py [--show]

Statements and branches are held separately: in one mixed figure many covered lines hide a missed
branch. Says nothing when every floor holds (the last words of a run belong to pytest), unless
asked to show the figures.
"""

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from coverage import Coverage
from coverage.exceptions import CoverageException

ROOT = Path(__file__).resolve().parent.parent
FLOORS = {
    "keyfuse_rules": 95,
    "keyfuse_scanner": 95,
    "keyfuse_store": 95,
    "keyfuse_webhook": None,  # reported only
}


def main(arguments: list[str]) -> int:
    """Compare the measured figures with the floors and return the exit code."""
    try:
        totals = measured()
    except CoverageException as error:
        print(f"coverage: no figures to judge: {error}", file=sys.stderr)
        return 1
    broken = False
    for package, floor in FLOORS.items():
        held, line = judge(package, floor, totals[package])
        broken = broken or not held
        if not held or "--show" in arguments:
            print(line)
    return int(broken)


def judge(package: str, floor: int | None, total: Counter[str]) -> tuple[bool, str]:
    """Tell whether a package holds its floor, and the line that shows its figures."""
    statements, branches = share(total, "statements"), share(total, "branches")
    asked = "no floor" if floor is None else f"floor {floor} %"
    line = f"{package}: statements {statements:.2f} %, branches {branches:.2f} % ({asked})"
    return floor is None or min(statements, branches) >= floor, line


def measured() -> dict[str, Counter[str]]:
    """Return for each package how many statements and branches there are, and how many ran."""
    coverage = Coverage(config_file=str(ROOT / "pyproject.toml"), data_file=str(ROOT / ".coverage"))
    coverage.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        coverage.json_report(outfile=str(report))
        files = json.loads(report.read_text())["files"]
    totals = {package: Counter[str]() for package in FLOORS}
    for path, file in files.items():
        package = next((part for part in Path(path).parts if part in FLOORS), None)
        if package is not None:
            totals[package].update(figures(file["summary"]))
    return totals


def figures(summary: dict[str, int]) -> dict[str, int]:
    """Pick the four counts out of coverage's summary of one file."""
    return {
        "statements": summary["num_statements"],
        "statements run": summary["covered_lines"],
        "branches": summary["num_branches"],
        "branches run": summary["covered_branches"],
    }


def share(total: Counter[str], kind: str) -> float:
    """Return the percentage that ran; nothing measured is 0, so no package drops out unseen."""
    if not total["statements"]:
        return 0.0
    return 100.0 * total[f"{kind} run"] / total[kind] if total[kind] else 100.0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
