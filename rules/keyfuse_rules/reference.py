"""What there is to say about a rule, and the page about all of them. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from keyfuse_rules.checksums import FAMILIES
from keyfuse_rules.model import DEFAULT_SET, Rule

_HEAD = """\
# Rules

{rules} rules for what {providers} providers issue. This page is made from the rules themselves,
by `keyfuse rules list --rule-set generic --markdown`. For more about one of them:
`keyfuse rules show ID`. [How to write one](writing-rules.md).

A match is no finding where a check of its rule objects: it looks like a placeholder, names a
variable, lacks the structure, or stands where the rule does not look. `keyfuse scan --all` shows
these with the reason.

"""
_CHECKSUMS = """\
## Checksums

Where a provider's tokens carry a checksum it is computed. A right one proves the secret, whatever
stands around it. A wrong one silences the match where tokens that the provider itself made prove
the algorithm; elsewhere we may be wrong, and the severity is one lower.

| checksum | a wrong one | where it is from |
|---|---|---|
"""
_TABLE = """\
| whose | rule | severity | checksum | revoke |
|---|---|---|---|---|
"""
_GENERIC = """\
## With `--rule-set generic`

These go by a name and by how random a value looks. They find more, and more that is none.

"""


def facts(rule: Rule) -> dict[str, object]:
    """Return a rule as JSON values."""
    family = FAMILIES.get(rule.checksum or "")
    return {
        "id": rule.rule_id,
        "title": rule.title,
        "provider": rule.provider,
        "family": rule.family,
        "severity": rule.severity.label,
        "rule_set": rule.rule_set,
        "checksum": rule.checksum,
        "checksum_proven": family.proven if family else None,
        "checksum_source": family.source if family else None,
        "checks": list(rule.checks),
        "paths": rule.paths,
        "pattern": rule.expression,
        "revoke_url": rule.revoke_url,
        "revoke_steps": rule.revoke_steps,
        "documentation": rule.documentation,
    }


def page(rules: Sequence[Rule]) -> Iterator[str]:
    """Yield the lines of a page in Markdown about these rules."""
    ours = [rule for rule in rules if rule.rule_set == DEFAULT_SET]
    others = [rule for rule in rules if rule.rule_set != DEFAULT_SET]
    providers = {rule.provider for rule in ours}
    yield _HEAD.format(rules=len(ours), providers=len(providers))
    yield from _table(ours)
    if others:
        yield "\n" + _GENERIC
        yield from _table(others)
    yield "\n" + _CHECKSUMS
    for name in sorted({rule.checksum for rule in rules if rule.checksum}):
        family = FAMILIES[name]
        wrong = "silences" if family.proven else "lowers the severity"
        yield f"| `{name}` | {wrong} | {_cell(family.source)} |\n"


def _table(rules: Iterable[Rule]) -> Iterator[str]:
    yield _TABLE
    for rule in sorted(rules, key=lambda rule: (rule.provider.casefold(), rule.rule_id)):
        cells = (
            _cell(rule.provider),
            f"`{rule.rule_id}`: {_linked(rule.title, rule.documentation)}",
            rule.severity.label,
            f"`{rule.checksum}`" if rule.checksum else "",
            _linked(rule.revoke_steps or "here", rule.revoke_url),
        )
        yield f"| {' | '.join(cells)} |\n"


def _linked(text: str, target: str) -> str:
    if not target:
        return "" if text == "here" else _cell(text)
    target = target.removeprefix("docs/").replace(")", "%29").replace("|", "%7C")
    return f"[{_cell(text)}]({target})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("[", "\\[").replace("]", "\\]")
