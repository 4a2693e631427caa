"""`keyfuse rules`."""

import json

import click

from keyfuse_rules.model import Rule
from keyfuse_rules.pack import default_rules
from keyfuse_scanner.verdict import choose_rules


@click.group()
def rules() -> None:
    """What keyfuse looks for."""


@rules.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(*, as_json: bool) -> None:
    """List the rules."""
    known = default_rules()
    if as_json:
        click.echo(json.dumps([_fields(rule) for rule in known], indent=2))
        return
    width = max(len(rule.rule_id) for rule in known)
    for rule in known:
        click.echo(f"{rule.rule_id:{width}}  {rule.severity.label:8}  {rule.title}")


@rules.command()
@click.argument("rule_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(*, rule_id: str, as_json: bool) -> None:
    """Show one rule."""
    (rule,) = choose_rules(default_rules(), [rule_id])
    fields = _fields(rule)
    if as_json:
        click.echo(json.dumps(fields, indent=2))
        return
    for name, value in fields.items():
        if value not in {None, ""}:
            click.echo(f"{name + ':':15}{value}")


def _fields(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.rule_id,
        "title": rule.title,
        "provider": rule.provider,
        "family": rule.family,
        "severity": rule.severity.label,
        "checksum": rule.checksum,
        "pattern": rule.pattern,
        "revoke_url": rule.revoke_url,
        "documentation": rule.documentation,
    }
