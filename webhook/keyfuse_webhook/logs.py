"""Structured logs on standard error: one JSON object a line, or readable text on a terminal.

Whatever is logged, by us or by a library, passes the redacting processor last: nothing that
looks like a keyfuse key leaves with its secret part, tracebacks included.
"""

import logging
import logging.config
import sys
from collections.abc import Callable
from typing import Any

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from keyfuse_rules.redact import scrub

# These say on each request or each start what our own lines already say.
_QUIET = ("httpx", "httpcore", "uvicorn.access", "alembic", "asyncio", "dbos")


def configure(*, readable: bool | None = None, level: int = logging.INFO) -> None:
    """Send every log line of this process through one redacting pipeline.

    Args:
        readable: Text rather than JSON; by default so when standard error is a terminal.
        level: The least that is said.
    """
    if readable is None:
        readable = sys.stderr.isatty()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared(), processors=_final(readable), use_get_message=True
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # With a handler of its own present, the job library adds none that would bypass this one.
    logging.getLogger("dbos").handlers = [handler]
    logging.getLogger("dbos").propagate = False
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            # Here too, so that a handler somebody adds to the root gets nothing raw from us.
            redact_event,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Cut the secret part out of everything key-like in an event, however deep it sits."""
    return {scrub(str(name)): _redacted(value) for name, value in event.items()}


def _redacted(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return scrub(value)
        case dict():
            return {scrub(str(name)): _redacted(item) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_redacted(item) for item in value]
        case bytes():
            return scrub(value.decode("utf-8", "replace"))
        case _:
            return scrub(repr(value))


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]


def _final(readable: bool) -> list[Processor]:
    render: Callable[..., Any] = (
        structlog.dev.ConsoleRenderer(colors=False)
        if readable
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    return [structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact_event, render]
