"""Rules to a rule file: what `keyfuse rules import` writes and `rulefile` reads again. Pure."""

from collections.abc import Iterable, Iterator

from keyfuse_rules.model import Allow, Rule


def write(rules: Iterable[Rule], provider: str, notes: Iterable[str] = ()) -> str:
    """Return a TOML document with these rules; notes become comments at its head."""
    lines = [f"# {note}" for note in notes]
    lines += [f"provider = {_text(provider)}"]
    for rule in rules:
        lines += ["", "[[rules]]", *_rule(rule)]
    return "\n".join(lines) + "\n"


def _rule(rule: Rule) -> Iterator[str]:
    yield f"id = {_text(rule.rule_id)}"
    yield f"title = {_text(rule.title)}"
    if rule.family != rule.rule_id:
        yield f"family = {_text(rule.family)}"
    yield f"severity = {_text(rule.severity.label)}"
    for name, words in (("literals", rule.literals), ("keywords", rule.keywords)):
        if words or (name == "keywords" and not rule.literals):
            yield f"{name} = {_list(word.decode() for word in words)}"
    if rule.lead:
        yield f"lead = {rule.lead}"
    for name, text in (
        ("pattern", rule.pattern),
        ("tail", rule.tail),
        ("paths", rule.paths),
        ("checksum", rule.checksum),
        ("revoke_url", rule.revoke_url),
        ("revoke_steps", rule.revoke_steps),
        ("documentation", rule.documentation),
    ):
        if text:
            yield f"{name} = {_text(text)}"
    yield f"checks = {_list(rule.checks)}"
    yield f"boundary = {str(rule.boundary).lower()}"
    if rule.guessable:
        yield "guessable = true"
    for name, recipes in (("matches", rule.matches), ("ignores", rule.ignores)):
        if recipes:
            yield f"{name} = {_list(recipes)}"
    if rule.allows:
        yield f"allow = [{', '.join(_allow(allow) for allow in rule.allows)}]"


def _allow(allow: Allow) -> str:
    parts = [f"target = {_text(allow.target)}"]
    for name, values in (
        ("patterns", allow.patterns),
        ("words", allow.words),
        ("paths", allow.paths),
    ):
        if values:
            parts.append(f"{name} = {_list(values)}")
    return "{ " + ", ".join(parts) + " }"


def _list(values: Iterable[str]) -> str:
    return "[" + ", ".join(_text(value) for value in values) + "]"


def _text(value: str) -> str:
    """Return a basic string of TOML; its escapes are a superset of JSON's but for DEL."""
    import json

    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
