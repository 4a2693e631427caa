"""What reports for other programs say of findings: severity, message, what to do. Pure."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from keyfuse_rules.model import OWN_RULE, Rule, Severity
from keyfuse_scanner.model import Finding
from keyfuse_scanner.printable import harmless

NAME = "keyfuse"
_CERTAINTY = {
    "valid": "Its checksum is right: it is a real one.",
    "invalid": "Its checksum seems wrong.",
    "none": "",
}


class Cut(NamedTuple):
    """The worst findings, as many as a format takes, and how many were left out."""

    findings: Sequence[Finding]
    left_out: int


@cache
def version() -> str:
    """Return the version of keyfuse."""
    from importlib.metadata import version as installed

    return installed("keyfuse")


@cache
def homepage() -> str | None:
    """Return the page of the copy that is installed; None where pip noted none."""
    from keyfuse_scanner.setup.source import installed_source

    source = installed_source()
    return None if source is None else source.url


def worst(findings: Sequence[Finding], limit: int) -> Cut:
    """Return the findings that count most, in their order; those that do not count come last."""
    if len(findings) <= limit:
        return Cut(findings, 0)
    ranks = sorted(range(len(findings)), key=lambda number: (_rank(findings[number]), number))
    kept = sorted(ranks[:limit])
    return Cut([findings[number] for number in kept], len(findings) - limit)


def message(finding: Finding) -> str:
    """Return one line: what was found, in what if that is no file, and how sure it is."""
    parts = [f"{finding.title}: {finding.redacted}"]
    if finding.place not in {"file", "staged"}:
        parts.append(f"in {finding.place}")
    if finding.commit is not None:
        parts.append(f"in commit {finding.commit[:12]}")
    sentence = harmless(" ".join(parts)) + "."
    return " ".join(part for part in (sentence, _CERTAINTY[finding.checksum]) if part)


def advice(rule: Rule) -> str:
    """Return what to do about a secret that a rule finds."""
    if rule.rule_id == OWN_RULE:
        how = "Revoke it with `keyfuse keys revoke` and its id."
    elif rule.revoke_steps:
        how = rule.revoke_steps.rstrip(".") + "."
    elif rule.revoke_url:
        how = f"Revoke it at {rule.revoke_url}."
    else:
        how = f"Revoke it where {rule.provider} issued it."
    return (
        "Whoever can read this repository can use it. Take it out, read it from the environment or"
        f" a secret store instead, and if it was ever pushed or shared: {how}"
    )


def where(finding: Finding) -> str:
    """Return a path for programs that need one: where there is none, the place stands for it."""
    return finding.path or f".git/{finding.place}"


def _rank(finding: Finding) -> tuple[bool, int]:
    return finding.reason is not None, Severity.CRITICAL - finding.severity
