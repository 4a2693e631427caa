"""What an operation of the API is: one value that routes, guards, reads, documents and answers.

Whatever a client may send or get is written here once. The route, the checks and the OpenAPI
document are made from it, so that none of them says what another does not do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

from msgspec import Struct

from keyfuse_store import KeyStore
from keyfuse_store.once import Once
from keyfuse_store.principal import Principal
from keyfuse_webhook.jobs import JobQueue

Query = TypeVar("Query", bound=Struct)
Body = TypeVar("Body", bound=Struct)
Method = Literal["GET", "POST", "PATCH"]

JSON_LINES = "application/jsonl"


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """An operation that takes no query, or no body."""


class Desk(NamedTuple):
    """What operations work on."""

    store: KeyStore
    jobs: JobQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Query, Body]):
    """A request that was understood.

    Attributes:
        caller: Who sends it.
        origin: From which address, for the audit record.
        path: The parameters in the path.
        query: The query string.
        body: The body.
        once: What makes a repetition known for one, if the client wants that.
        version: What the client has seen of the thing it changes, if it says so.
    """

    caller: Principal
    origin: str | None
    path: Mapping[str, str]
    query: Query
    body: Body
    once: Once | None = None
    version: str | None = None


class Said(NamedTuple):
    """What an operation answers when it went well: JSON, or lines of it."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = {}


class Run(Protocol[Query, Body]):
    """Carries an operation out; runs in a thread, and may raise any `StoreError`."""

    def __call__(self, desk: Desk, call: Call[Query, Body]) -> Said:
        """Do it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[Query, Body]):
    """One thing that the API does.

    Attributes:
        name: What OpenAPI calls it.
        tag: Under which heading.
        summary: One sentence.
        scope: The scope of the namespace `keyfuse:` that it takes.
        run: What does it.
        query: What may stand in the query string.
        body: What may stand in the body; `Nothing` for none.
        headers: What the header of an answer tells, by status.
        body_required: False where the body may be left out.
        largest: Bytes of body that are read at most.
        answers: The shape of the answer for each status; a media type for what is no JSON.
        refusals: The statuses beyond those that every operation of this kind has.
        idempotent: Takes `Idempotency-Key`.
        conditional: Takes `If-Match`.
        example: A body to send.
        shown: An answer to it, by status.
    """

    method: Method
    path: str
    name: str
    tag: str
    summary: str
    scope: str
    run: Run[Query, Body]
    query: type[Query]
    body: type[Body]
    answers: Mapping[int, Any]
    headers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    body_required: bool = True
    largest: int = 64 * 1024
    refusals: frozenset[int] = frozenset()
    idempotent: bool = False
    conditional: bool = False
    example: Mapping[str, object] = field(default_factory=dict)
    shown: Mapping[int, Any] = field(default_factory=dict)


AnyOperation = Operation[Any, Any]
