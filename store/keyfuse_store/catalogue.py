"""The catalogue: the scopes that an API has, where it declares them.

Without a declaration every well-formed scope may be granted; with one a misspelt scope is
refused when a key is issued, and not noticed as "insufficient" in production.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from keyfuse_store import scopes
from keyfuse_store.errors import InvalidField, SettingsError

DESCRIPTION_MAX = 200
_NAMED = 10


class Catalogue:
    """Declared scopes by name with what they mean; false where nothing is declared."""

    __slots__ = ("_known", "declared")

    def __init__(self, declared: Mapping[str, str] | Iterable[str] = ()) -> None:
        """Declare scopes.

        Args:
            declared: Concrete `resource:action` names, with descriptions if it is a mapping.

        Raises:
            InvalidField: one is no concrete scope, or is keyfuse's own.
        """
        named = declared if isinstance(declared, Mapping) else dict.fromkeys(declared, "")
        for scope in named:
            scopes.check_concrete("scopes", scope)
        self.declared = MappingProxyType(dict(named))
        self._known = frozenset(_coverable(named))

    def __bool__(self) -> bool:
        return bool(self.declared)

    def check(self, field: str, granted: Sequence[str]) -> None:
        """Refuse a scope that covers nothing that is declared.

        Args:
            field: What to call them in an error.
            granted: Well-formed scopes, wildcards and resources included.

        Raises:
            InvalidField: one is not declared; its place is named, and what is declared.
        """
        if not self.declared:
            return
        for number, scope in enumerate(granted, 1):
            if scope.partition("@")[0] not in self._known:
                known = sorted(self.declared)
                more = ", …" if len(known) > _NAMED else ""
                raise InvalidField(
                    field,
                    f"number {number} is not in the catalogue, which declares "
                    f"{', '.join(known[:_NAMED])}{more}",
                )


def parse_catalogue(table: object, where: str) -> Catalogue:
    """Read the table `[scopes]`: `"invoices:read" = "Read invoices"`.

    Raises:
        SettingsError: it is malformed.
    """
    if not isinstance(table, dict):
        raise SettingsError(f'scopes in {where}: must be a table like "invoices:read" = "Read"')
    for description in table.values():
        if not isinstance(description, str) or len(description) > DESCRIPTION_MAX:
            raise SettingsError(
                f"scopes in {where}: each must be described in text of up to {DESCRIPTION_MAX}"
            )
    try:
        return Catalogue(table)
    except InvalidField as error:
        raise SettingsError(f"scopes in {where}: {error.problem}") from None


def _coverable(declared: Iterable[str]) -> Iterable[str]:
    """Every way to write a grant that covers something declared."""
    for scope in declared:
        resource, _, action = scope.partition(":")
        yield from (scope, f"{resource}:*", f"*:{action}", "*:*")
