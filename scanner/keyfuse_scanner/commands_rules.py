"""`keyfuse rules`: what keyfuse looks for, and whether its examples hold."""

import json
from pathlib import Path

import click

from keyfuse_rules import reference
from keyfuse_rules.judgement import is_proven
from keyfuse_rules.model import RULE_SETS, Rule
from keyfuse_rules.pack import all_rules
from keyfuse_rules.proving import Failure, prove
from keyfuse_scanner.commands_rules_exchange import export, import_
from keyfuse_scanner.exits import Exit
from keyfuse_scanner.policy import Policy, load_policy
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.rulebook import known_rules, rules_in_force
from keyfuse_scanner.terminal import write_out
from keyfuse_scanner.verdict import choose_rules

_RULE_FILES = click.option(
    "--rules",
    "rule_files",
    metavar="PATH",
    multiple=True,
    type=click.Path(),
    help="With the rules of this file or folder; may be repeated.",
)


@click.group()
def rules() -> None:
    """What keyfuse looks for."""


@rules.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", is_flag=True, help="Print a page of documentation.")
@_RULE_FILES
@click.option("--rule-set", type=click.Choice(RULE_SETS), help="Default: default.")
def list_(
    *, as_json: bool, markdown: bool, rule_files: tuple[str, ...], rule_set: str | None
) -> None:
    """List the rules that a scan from here uses."""
    policy = load_policy(Path.cwd())
    known = rules_in_force(policy, rule_files=rule_files, rule_set=rule_set)
    if markdown:
        write_out(reference.page(known))
    elif as_json:
        write_out([json.dumps([reference.facts(rule) for rule in known], indent=2), "\n"])
    else:
        write_out(_table(known))


@rules.command()
@click.argument("rule_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_RULE_FILES
def show(*, rule_id: str, as_json: bool, rule_files: tuple[str, ...]) -> None:
    """Show one rule: whose secrets, what proves them, where to revoke them."""
    known = known_rules(load_policy(Path.cwd()), rule_files)
    (rule,) = choose_rules(known, [rule_id])
    if as_json:
        write_out([json.dumps(reference.facts(rule), indent=2), "\n"])
    else:
        write_out(_lines(rule))


@rules.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def test(*, paths: tuple[str, ...], as_json: bool) -> int:
    """Run the examples of rules: ours, or those of rule files.

    Exit codes: 0 all examples hold, 1 one does not, 2 a rule file is wrong.
    """
    known = all_rules()
    if paths:
        known = tuple(rule for rule in known_rules(Policy(), paths) if rule not in known)
    failures = [failure for rule in known for failure in prove(rule)]
    if as_json:
        write_out([json.dumps(_outcome(known, failures), indent=2), "\n"])
    else:
        write_out(harmless(_failure(failure)) + "\n" for failure in failures)
        write_out([_summary(known, failures) + "\n"])
    return Exit.FINDINGS if failures else Exit.CLEAN


rules.add_command(import_)
rules.add_command(export)


def _table(known: tuple[Rule, ...]) -> list[str]:
    ids = max((len(rule.rule_id) for rule in known), default=0)
    providers = max((len(rule.provider) for rule in known), default=0)
    return [
        f"{rule.rule_id:{ids}}  {rule.severity.label:8}  {rule.provider:{providers}}  "
        f"{_checksum(rule):8}  {rule.title}\n"
        for rule in known
    ]


def _checksum(rule: Rule) -> str:
    """Return what a wrong checksum means for a rule, in a word."""
    if rule.checksum is None:
        return ""
    return "proven" if is_proven(rule) else "unproven"


def _lines(rule: Rule) -> list[str]:
    fields = reference.facts(rule)
    proven, source = fields.pop("checksum_proven"), fields.pop("checksum_source")
    if rule.checksum:
        trust = "a wrong one is no secret" if proven else "a wrong one lowers the severity"
        fields["checksum"] = f"{rule.checksum}; {trust} ({source})"
    fields["checks"] = ", ".join(rule.checks)
    return [
        f"{name.replace('_', ' ') + ':':15}{harmless(str(value))}\n"
        for name, value in fields.items()
        if value not in {None, ""}
    ]


def _failure(failure: Failure) -> str:
    return f"{failure.rule_id}: {failure.field}: {failure.recipe!r} {failure.problem}"


def _outcome(known: tuple[Rule, ...], failures: list[Failure]) -> dict[str, object]:
    return {
        "rules": len(known),
        "examples": _examples(known),
        "without_examples": _without_examples(known),
        "failures": [
            {
                "rule": failure.rule_id,
                "field": failure.field,
                "example": failure.recipe,
                "problem": failure.problem,
            }
            for failure in failures
        ],
    }


def _summary(known: tuple[Rule, ...], failures: list[Failure]) -> str:
    line = f"{len(known)} rules, {_examples(known)} examples, {len(failures)} wrong"
    bare = len(_without_examples(known))
    return f"{line}; {bare} rules have no example" if bare else line


def _examples(known: tuple[Rule, ...]) -> int:
    return sum(len(rule.matches) + len(rule.ignores) for rule in known)


def _without_examples(known: tuple[Rule, ...]) -> list[str]:
    return [rule.rule_id for rule in known if not rule.matches]
