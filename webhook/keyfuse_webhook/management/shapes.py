"""The fields that clients send, with what OpenAPI can say of their form.

The store checks more than this, and its word is the last: what has the right form and is not
acceptable all the same is answered 422.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol, TypeVar

from msgspec import Meta

from keyfuse_rules.keyformat import PREFIX_MAX
from keyfuse_store.fields import EMAIL_MAX, NAME_MAX, REASON_MAX
from keyfuse_store.limits import TEXT_MAX
from keyfuse_store.scopes import SCOPES_MAX

_DURATION = r"^[0-9]{1,12}[smhd]$"

Line = Annotated[str, Meta(max_length=NAME_MAX)]
Prefix = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=PREFIX_MAX,
        description="Issuer, environment and class, like `acme_live`.",
    ),
]
OwnerName = Annotated[
    str, Meta(min_length=1, max_length=EMAIL_MAX, description="An owner's id or mail address.")
]
ScopeName = Annotated[str, Meta(min_length=3, max_length=260)]
Scopes = Annotated[
    list[ScopeName], Meta(max_length=SCOPES_MAX, description="`resource:action` each.")
]
Addresses = Annotated[
    list[Annotated[str, Meta(max_length=64)]],
    Meta(description="Networks that the key may be used from; empty is anywhere."),
]
RateLimit = Annotated[str, Meta(max_length=TEXT_MAX, description="Like `100/minute`.")]
Quota = Annotated[str, Meta(max_length=40, description="Like `10000/month`.")]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339 with its time zone.")]
Duration = Annotated[str, Meta(pattern=_DURATION, description="Like `30s`, `15m`, `24h`, `90d`.")]
Reason = Annotated[str, Meta(max_length=REASON_MAX, description="Why, for the record.")]
Json = Annotated[dict[str, Any], Meta(description="A free-form JSON object.")]
Search = Annotated[str, Meta(min_length=1, max_length=NAME_MAX)]
Limit = Annotated[int, Meta(ge=1, le=1000, description="How many at most.")]
Order = Annotated[Literal["oldest", "newest"], Meta(description="Which come first.")]
After = Annotated[
    str, Meta(min_length=1, max_length=EMAIL_MAX, description="The `next` of the page before.")
]
AfterNumber = Annotated[int, Meta(ge=0, le=10**15, description="The `next` of the page before.")]


class Shown(Protocol):
    """Something that programs can see."""

    def as_json(self) -> dict[str, object]:
        """As they see it."""
        ...


Item = TypeVar("Item", bound=Shown)


def page(
    name: str, found: Sequence[Item], limit: int, place: Callable[[Item], object]
) -> Mapping[str, object]:
    """A page as programs see it: what was found, and after what to go on.

    A page that is full may be the last; the next one is empty then.
    """
    return {
        name: [one.as_json() for one in found],
        "next": place(found[-1]) if len(found) == limit else None,
    }
