"""Numbers as the charts draw them; the same numbers stand in a table beside each chart."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from keyfuse_store.statistics import CallHour
from keyfuse_store.times import DAY, HOUR, SECOND
from keyfuse_store.usage_history import Hour


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart; `tone` names its colour in the style sheet."""

    label: str
    tone: Literal["good", "bad", "warn"]
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart over time.

    Attributes:
        id: Unique on its page.
        kind: How it is drawn.
        title: What it shows.
        unit: What one step of the x axis is.
        at: The beginnings of the steps, in epoch microseconds.
        series: As many values each.
    """

    id: str
    kind: Literal["line", "bars"]
    title: str
    unit: Literal["hour", "day"]
    at: tuple[int, ...]
    series: tuple[Series, ...]

    def as_json(self) -> dict[str, object]:
        """What the script in the page draws; its x axis is in seconds."""
        return {
            "kind": self.kind,
            "unit": self.unit,
            "x": [at // SECOND for at in self.at],
            "series": [
                {"label": one.label, "tone": one.tone, "values": one.values} for one in self.series
            ],
        }

    def rows(self) -> list[tuple[int, tuple[int, ...]]]:
        """The steps with anything in them, the latest first."""
        columns = zip(*(one.values for one in self.series), strict=True)
        found = [(at, row) for at, row in zip(self.at, columns, strict=True) if any(row)]
        return found[::-1]


def calls(hours: Iterable[CallHour | Hour], *, now: int, last: int, name: str) -> Chart:
    """Verifications of the last so many hours, the present one included."""
    by_start = {hour.start: hour for hour in hours}
    steps = _steps(now, HOUR, last)
    found = [by_start.get(at) for at in steps]
    valid = tuple(hour.valid if hour else 0 for hour in found)
    refused = tuple(hour.refused if hour else 0 for hour in found)
    series = (Series("valid", "good", valid), Series("refused", "bad", refused))
    return Chart(name, "line", "Verifications per hour", "hour", steps, series)


def leaks(by_day: Mapping[int, int], *, now: int, last: int) -> Chart:
    """Incidents of the last so many days, the present one included."""
    steps = _steps(now, DAY, last)
    series = Series("incidents", "bad", tuple(by_day.get(at, 0) for at in steps))
    return Chart("leaks", "bars", "Leaked keys per day", "day", steps, (series,))


def _steps(now: int, step: int, last: int) -> tuple[int, ...]:
    latest = now - now % step
    return tuple(latest - step * back for back in range(last - 1, -1, -1))
