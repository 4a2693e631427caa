"""Which rules a scan uses and what its result means. Pure."""

from collections.abc import Iterable

from keyfuse_rules.model import Rule, Severity
from keyfuse_scanner.errors import UsageError
from keyfuse_scanner.exits import Exit
from keyfuse_scanner.model import ScanResult
from keyfuse_scanner.printable import harmless


def choose_rules(rules: Iterable[Rule], only: Iterable[str]) -> list[Rule]:
    """Return the rules with the given ids; all of them where no id is given.

    Raises:
        UsageError: there is no rule of such an id.
    """
    by_id = {rule.rule_id: rule for rule in rules}
    wanted = list(dict.fromkeys(only)) or list(by_id)
    for rule_id in wanted:
        if rule_id not in by_id:
            raise UsageError(f"{harmless(rule_id)}: no such rule; see keyfuse rules list")
    return [by_id[rule_id] for rule_id in wanted]


def exit_code(result: ScanResult, fail_on: Severity, *, exit_zero: bool = False) -> Exit:
    """Return what a result means for whoever started the scan.

    What is shown on request only never counts.
    """
    counted = [
        finding
        for finding in result.findings
        if finding.severity >= fail_on and finding.reason is None
    ]
    if counted:
        return Exit.CLEAN if exit_zero else Exit.FINDINGS
    return Exit.CLEAN if result.complete else Exit.INCOMPLETE
