"""Bytes to matches: find the candidates of every rule and judge them. Pure."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from keyfuse_rules.candidate import WINDOW, judge_found
from keyfuse_rules.keyfinding import CANDIDATE_LIMIT, find_keys
from keyfuse_rules.keyformat import MARKER, TAIL_LENGTH
from keyfuse_rules.model import OWN_RULE, Match, Matches, Rule
from keyfuse_rules.search import HIT_LIMIT, UNENCODED, UNLED, WHOLE, Hit, Search, Signal

if TYPE_CHECKING:
    from keyfuse_rules.decoding.layers import Budget, Site
    from keyfuse_rules.expressions import Expression

# Layers of encoding that are taken off, and bytes that are decoded on the way, for one object.
DEPTH = 2
DECODED_MAX = 64 * 1024 * 1024


class _Found(NamedTuple):
    """What one rule found.

    Attributes:
        unmatched: Where one of its literals stands and no secret is seen.
    """

    matches: list[Match]
    complete: bool
    unmatched: Sequence[int] = ()


class Matcher:
    """All rules of a scan, ready to be run over one object after the other.

    One pass of the search tells where literals, keywords and encoded forms are; most objects have
    none. The expressions of a rule are compiled when its first literal is met.

    Attributes:
        decodes: True where encoded text is looked into, too.
        hits: Searches one object; without hits there is no match, unless `asks_always`.
        asks_always: True where a rule has to be asked about every object.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        search: Search | None = None,
        *,
        candidate_limit: int = CANDIDATE_LIMIT,
    ) -> None:
        """Make a matcher.

        Args:
            rules: What to look for.
            search: Searches for `triggers(rules, decode=…)`, encoded forms included or not;
                without it, plain forms are searched for without native code.
            candidate_limit: How often a rule may be asked about one object.
        """
        if search is None:
            from keyfuse_rules.plainsearch import plain_search
            from keyfuse_rules.triggers import triggers

            search = plain_search(triggers(rules, decode=False))
        self._rules = rules
        self._unled = [
            number for signal in search.signals if signal.form == UNLED for number in signal.rules
        ]
        self.hits = search.hits
        self.asks_always = bool(self._unled)
        self._signals = search.signals
        self.decodes = any(signal.form not in UNENCODED for signal in search.signals)
        self._limit = candidate_limit
        # Rules may be made only when they are asked for: a hook asks for few.
        self._expressions: dict[str, Expression] = {}

    def matches(self, data: bytes) -> Matches:
        """Return every match in one object, by position."""
        return self.judged(data, self.hits(data))

    def judged(self, data: bytes, hits: list[Hit]) -> Matches:
        """Return every match in one object of which the hits are known."""
        if not hits and not self.asks_always:
            return Matches([], complete=True)
        return self._judged(data, hits, DEPTH if self.decodes else 0, None)

    def _judged(self, data: bytes, hits: list[Hit], depth: int, budget: "Budget | None") -> Matches:
        positions: dict[int, set[int]] = {number: set() for number in self._unled}
        encoded: list[tuple[Signal, int]] = []
        for number, end in hits:
            signal = self._signals[number]
            if signal.form == WHOLE:
                (rule,) = signal.rules
                positions[rule] = self._occurrences(data, rule)
                continue
            start = end - signal.length
            for rule in signal.rules:
                # Within a run of one byte each place is a hit: a secret begins where the run does.
                run = _run(self._rules[rule].literals)
                if not run or data[start - 1 : start] != run:
                    positions.setdefault(rule, set()).add(start)
            if not signal.rules:
                encoded.append((signal, end))
        if len(hits) >= HIT_LIMIT:
            positions |= self._own(data)
        found = {rule: self._match_rule(rule, data, at) for rule, at in positions.items()}
        items = [match for part in found.values() for match in part.matches]
        complete = len(hits) < HIT_LIMIT and all(part.complete for part in found.values())
        if depth and (encoded or any(part.unmatched for part in found.values())):
            from keyfuse_rules.decoding import layers

            budget = budget or layers.Budget(DECODED_MAX)
            sites = self._sites(data, encoded, found, budget)
            below = layers.decoded_matches(data, sites, self._below(depth - 1, budget), budget)
            items = layers.merged(items, below.items)
            complete = complete and below.complete
        items.sort(key=lambda match: (match.start, match.rule.rule_id))
        return Matches(items, complete)

    def _own(self, data: bytes) -> dict[int, set[int]]:
        """Return where our own marker stands; a search that broke off hides no plain key."""
        return {
            number: self._occurrences(data, number)
            for number, rule in enumerate(self._rules)
            if rule.rule_id == OWN_RULE
        }

    def _below(self, depth: int, budget: "Budget") -> Callable[[bytes], Matches]:
        return lambda data: self._judged(data, self.hits(data), depth, budget)

    def _sites(
        self,
        data: bytes,
        encoded: list[tuple[Signal, int]],
        found: dict[int, _Found],
        budget: "Budget",
    ) -> Iterator["Site"]:
        """Yield where something seems to be encoded."""
        from keyfuse_rules.decoding import neighbourhood
        from keyfuse_rules.decoding.layers import Site

        for signal, end in encoded:
            yield Site(signal.form, end - 1, signal.phase)
        for number, part in found.items():
            rule = self._rules[number]
            # A run of one byte fills whole files, of which nothing is torn.
            if not part.unmatched or rule.has_context or _run(rule.literals):
                continue
            own = rule.rule_id == OWN_RULE
            steps = neighbourhood.own_steps if own else neighbourhood.steps
            for literal in part.unmatched:
                if not budget.take(neighbourhood.COST):
                    return
                for step in steps(data, literal):
                    yield Site(step, literal)

    def _occurrences(self, data: bytes, rule: int) -> set[int]:
        """Return where the literals of a rule stand, if often then not everywhere."""
        found: set[int] = set()
        for literal in self._rules[rule].literals:
            hit = data.find(literal)
            while hit >= 0 and len(found) <= self._limit:
                found.add(hit)
                hit = data.find(literal, hit + 1)
        return found

    def _match_own(self, rule: Rule, data: bytes, hits: set[int]) -> _Found:
        keys, complete = find_keys(data, self._limit)
        whole = {key.end - TAIL_LENGTH - len(MARKER) for key in keys if key.valid}
        return _Found(
            [
                Match(rule, key.start, key.end, "valid" if key.valid else "invalid", key.key_id)
                for key in keys
            ],
            complete,
            sorted(hits - whole),
        )

    def _match_rule(self, number: int, data: bytes, hits: set[int]) -> _Found:
        rule = self._rules[number]
        if rule.rule_id == OWN_RULE:
            return self._match_own(rule, data, hits)
        if not rule.literals:
            return self._search_rule(rule, data)
        matches: list[Match] = []
        unmatched: list[int] = []
        position = -1
        for count, hit in enumerate(sorted(hits)):
            if count >= self._limit:
                return _Found(matches, complete=False)
            if hit < position:
                continue  # inside the previous match of this rule
            try:
                match = self._confirm_around(rule, data, hit, position)
            except (TimeoutError, MemoryError):
                return _Found(matches, complete=False)
            if match is None:
                unmatched.append(hit)
                # What begins no later was tried, and ends no later for the next hit.
                position = hit + 1
            else:
                matches.append(match)
                position = match.end
        return _Found(matches, complete=True, unmatched=unmatched)

    def _search_rule(self, rule: Rule, data: bytes) -> _Found:
        """Match a rule without a literal at its head, such as an imported one."""
        if rule.keywords and not any(keyword in data.lower() for keyword in rule.keywords):
            return _Found([], complete=True)
        matches: list[Match] = []
        try:
            for count, found in enumerate(self._expression(rule).finditer(data)):
                if count >= self._limit:
                    return _Found(matches, complete=False)
                match = judge_found(rule, data, found)
                if match is not None:
                    matches.append(match)
        except (TimeoutError, MemoryError):
            return _Found(matches, complete=False)
        return _Found(matches, complete=True)

    def _confirm_around(self, rule: Rule, data: bytes, hit: int, position: int) -> Match | None:
        """Match where a literal stands, or up to `lead` bytes before it."""
        for start in range(max(position, hit - rule.lead, 0), hit + 1):
            match = self._confirm(rule, data, start)
            if match is not None and match.end > hit:
                return match
        return None

    def _confirm(self, rule: Rule, data: bytes, hit: int) -> Match | None:
        end = min(len(data), hit + WINDOW)
        found = self._expression(rule).match(data, hit, end)
        return None if found is None else judge_found(rule, data, found)

    def _expression(self, rule: Rule) -> "Expression":
        known = self._expressions.get(rule.rule_id)
        if known is None:
            from keyfuse_rules.expressions import expression

            known = self._expressions[rule.rule_id] = expression(rule)
        return known


@cache
def _run(literals: tuple[bytes, ...]) -> bytes:
    """Return the byte that is repeated at the head of a rule; nothing where no byte is."""
    first = literals[0] if len(literals) == 1 else b""
    is_run = len(first) > 1 and len(set(first)) == 1
    return first[:1] if is_run else b""
