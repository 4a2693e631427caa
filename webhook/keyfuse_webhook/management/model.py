"""What an operation of the API is: one value that routes, guards, reads, documents and answers.

Whatever a client may send or get is written here once. The route, the checks and the OpenAPI
document are made from it, so that none of them says what another does not do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypedDict, TypeVar

from msgspec import Struct

from keyfuse_store import KeyStore
from keyfuse_store.once import Once
from keyfuse_store.principal import Principal
from keyfuse_webhook.jobs import JobQueue

Asked = TypeVar("Asked", bound=Struct)
Method = Literal["GET", "POST", "PATCH"]

JSON_LINES = "application/jsonl"


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """What an operation asks for that needs to know nothing more than its path."""


class Desk(NamedTuple):
    """What operations work on."""

    store: KeyStore
    jobs: JobQueue


class By(TypedDict):
    """Who does something, as every change of the store takes it."""

    actor: Principal
    origin: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Asked]):
    """A request that was understood.

    Attributes:
        caller: Who sends it.
        origin: From which address, for the audit record.
        path: The parameters in the path.
        asked: What the query string or the body says.
        once: What makes a repetition known for one, if the client wants that.
        version: What the client has seen of the thing it changes, if it says so.
    """

    caller: Principal
    origin: str | None
    path: Mapping[str, str]
    asked: Asked
    once: Once | None = None
    version: str | None = None

    @property
    def by(self) -> By:
        """Who does it, for the store."""
        return {"actor": self.caller, "origin": self.origin}


class Said(NamedTuple):
    """What an operation answers when it went well: JSON, or lines of it."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = {}


class Run(Protocol[Asked]):
    """Carries an operation out; runs in a thread, and may raise any `StoreError`."""

    def __call__(self, desk: Desk, call: Call[Asked]) -> Said:
        """Do it."""
        ...


class Answered(NamedTuple):
    """What comes back with one status.

    Attributes:
        shape: The shape of the JSON; None for lines of JSON.
        example: One that fits it.
        headers: What its header tells.
    """

    shape: type[Struct] | None
    example: Mapping[str, object] = {}
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[Asked]):
    """One thing that the API does.

    Attributes:
        name: What OpenAPI calls it.
        summary: One sentence.
        scope: The scope of the namespace `keyfuse:` that it takes.
        run: What does it.
        asks: What may stand in the query string of a GET, or else in the body.
        example: A body to send.
        answers: What comes back, by status.
        body_required: False where the body may be left out.
        largest: Bytes of body that are read at most.
        refusals: The statuses beyond those that every operation of this kind has.
        idempotent: Takes `Idempotency-Key`.
        conditional: Takes `If-Match`.
    """

    method: Method
    path: str
    name: str
    summary: str
    scope: str
    run: Run[Asked]
    asks: type[Asked]
    example: Mapping[str, object] = field(default_factory=dict)
    answers: Mapping[int, Answered]
    body_required: bool = True
    largest: int = 64 * 1024
    refusals: frozenset[int] = frozenset()
    idempotent: bool = False
    conditional: bool = False

    @property
    def tag(self) -> str:
        """Under which heading it stands: `keys` for the scope `keyfuse:keys.read`."""
        return self.scope.partition(":")[2].partition(".")[0]

    @property
    def query(self) -> type[Struct]:
        """What may stand in the query string."""
        return self.asks if self.method == "GET" else Nothing

    @property
    def body(self) -> type[Struct]:
        """What may stand in the body; `Nothing` for none."""
        return Nothing if self.method == "GET" else self.asks


AnyOperation = Operation[Any]
