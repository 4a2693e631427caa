"""`keyfuse rules import` and `export`: rules from other scanners, and ours for them."""

import json
from pathlib import Path

import click

from keyfuse_rules import export as exporting
from keyfuse_rules import rulewriter
from keyfuse_rules.errors import RulesError
from keyfuse_rules.gitleaks import PROVIDER, Imported, convert
from keyfuse_rules.pack import all_rules
from keyfuse_scanner.errors import NoSuchPath, UsageError
from keyfuse_scanner.printable import harmless
from keyfuse_scanner.terminal import complain, write_out


@click.command(name="import")
@click.argument("form", type=click.Choice(["gitleaks"]))
@click.argument("file", metavar="FILE", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def import_(*, form: str, file: str, as_json: bool) -> None:  # noqa: ARG001 - there is one form yet
    """Turn another scanner's configuration into a rule file.

    The rule file goes to standard output; what could not be said in it to standard error.
    """
    try:
        imported = _apart(convert(_read(file), file))
    except RulesError as error:
        raise UsageError(harmless(str(error))) from None
    notes = [harmless(note) for note in imported.notes]
    text = rulewriter.write(imported.rules, PROVIDER)
    if as_json:
        fields = {
            "rules": [rule.rule_id for rule in imported.rules],
            "left_out": imported.left_out,
            "notes": notes,
            "toml": text,
        }
        write_out([json.dumps(fields, indent=2), "\n"])
        return
    write_out([text])
    for note in notes:
        complain(note)


@click.command()
@click.argument("prefix")
@click.option("--to", "form", required=True, type=click.Choice(list(exporting.FORMATS)))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def export(*, prefix: str, form: str, as_json: bool) -> None:
    """Print what another scanner needs in order to find keys with this prefix."""
    try:
        text = exporting.export(prefix, form)
    except RulesError as error:
        raise UsageError(harmless(str(error))) from None
    if as_json:
        regex = exporting.plain_regex(prefix)
        fields = {"prefix": prefix, "to": form, "regex": regex, "text": text}
        text = json.dumps(fields, indent=2) + "\n"
    write_out([text])


def _read(file: str) -> str:
    try:
        return Path(file).read_text("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{harmless(file)}: is not UTF-8") from None
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise NoSuchPath(f"{harmless(file)}: {reason}") from None


def _apart(imported: Imported) -> Imported:
    """Give another name to rules whose id is one of ours: they would change ours instead."""
    ours = {rule.rule_id for rule in all_rules()}
    clashes = [rule.rule_id for rule in imported.rules if rule.rule_id in ours]
    renamed = {rule_id: f"gitleaks-{rule_id}" for rule_id in clashes}
    rules = [
        rule._replace(
            rule_id=renamed.get(rule.rule_id, rule.rule_id),
            family=renamed.get(rule.family, rule.family),
        )
        for rule in imported.rules
    ]
    notes = [f"{old}: is {new} here, for keyfuse has a rule {old}" for old, new in renamed.items()]
    return imported._replace(rules=tuple(rules), notes=(*imported.notes, *notes))
