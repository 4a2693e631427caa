"""What the demo prints: a line for each event, with the time since the curtain rose."""

import json
import os
import sys
import time
from pathlib import Path

import click

_TITLE_WIDTH = 21
_COLOURS = {"good": "green", "bad": "red", "plain": None}


class Timeline:
    """Events as they happen, as text for people or as JSON lines for programs."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._began = time.monotonic()

    def event(self, title: str, detail: str, mood: str = "plain") -> None:
        """Print one event.

        Args:
            title: A few words, such as `commit blocked`.
            detail: What a reader wants to know about it; never a secret.
            mood: `good`, `bad` or `plain`; only a colour.
        """
        seconds = time.monotonic() - self._began
        if self._as_json:
            click.echo(json.dumps({"seconds": round(seconds, 3), "title": title, "detail": detail}))
            return
        label = title.ljust(_TITLE_WIDTH)
        if self._coloured:
            label = click.style(label, fg=_COLOURS[mood], bold=True)
        click.echo(f"{seconds:7.2f} s  {label} {detail}")

    def close(self, *, kept: Path | None) -> None:
        """Say where everything was left, or that nothing was."""
        self.event("over", f"everything is in {kept}" if kept else "throwaway data removed")
