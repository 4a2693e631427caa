"""Templates to responses: everything is escaped, a missing value is an error, times are UTC."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from keyfuse_store.times import DAY, HOUR, SECOND, from_micros, rfc3339
from keyfuse_webhook.console.headers import HEADERS, PRIVATE
from keyfuse_webhook.message import one_line

_HERE = Path(__file__).parent
_UNITS = ((DAY, "d"), (HOUR, "h"), (60 * SECOND, "min"), (SECOND, "s"))
_THOUSAND = 1000
_TEXT_MAX = 300


def page(template: str, status: int = 200, **values: object) -> HTMLResponse:
    """The response that a template makes of values."""
    text = _environment().get_template(template).render(values)
    return HTMLResponse(text, status, headers={**HEADERS, **PRIVATE})


def clock(micros: int | None) -> str:
    """`2026-11-25 22:10:03`, in UTC."""
    return "" if micros is None else f"{from_micros(micros):%Y-%m-%d %H:%M:%S}"


def span(micros: int | None) -> str:
    """A duration with its two largest units: `3 d 4 h`, `12 min 3 s`, `140 ms`, `at once`."""
    if micros is None:
        return "–"
    if not micros:
        return "at once"
    if micros < SECOND:
        return f"{micros // _THOUSAND} ms"
    parts: list[str] = []
    for unit, name in _UNITS:
        number, micros = divmod(micros, unit)
        if number or parts:
            parts.append(f"{number} {name}" if number else "")
    return " ".join(part for part in parts[:2] if part)


def count(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}"


def plain(text: object) -> str:
    """Foreign text on one line, without anything that acts on the eye, and without keys."""
    return one_line(str(text), _TEXT_MAX)


def words(code: str) -> str:
    """A code as words: `rate_limited` is `rate limited`."""
    return code.replace("_", " ").replace(".", " ")


_FILTERS: Mapping[str, Callable[..., object]] = {
    "clock": clock,
    "count": count,
    "plain": plain,
    "rfc3339": rfc3339,
    "span": span,
    "words": words,
}


@lru_cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.filters.update(_FILTERS)
    found.globals["asset"] = _asset
    return found


@lru_cache
def _asset(name: str) -> str:
    """The path of a file for browsers; it changes with the file, so that they may keep it."""
    digest = sha256((_HERE / "static" / name).read_bytes()).hexdigest()
    return f"/console/static/{name}?{digest[:12]}"
