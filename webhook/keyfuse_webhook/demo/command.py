"""The command line of the demo: a folder, a stage, the story, an exit code."""

import shutil
import sys
import tempfile
from pathlib import Path

import click

from keyfuse_webhook.demo.stage import DemoFailed, Stage
from keyfuse_webhook.demo.story import tell
from keyfuse_webhook.demo.timeline import Timeline


@click.command()
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Leave everything in DIR (new or empty) to look at.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the timeline as JSON, an event a line."
)
def demo(keep: Path | None, *, as_json: bool) -> None:
    """Play the whole story on throwaway data: real git, real HTTP, real mail.

    A key is issued, a hook stops it from being committed, it is committed all the same, found in
    the history, reported by a stand-in for GitHub, dead before the answer, and its owner is told.
    """
    folder = _folder(keep)
    timeline = Timeline(as_json=as_json)
    try:
        with Stage.built(folder) as stage:
            tell(stage, timeline)
    except DemoFailed as failure:
        log = f" (the service's log: {folder / 'service.log'})" if keep else ""
        click.echo(f"keyfuse demo: {failure}{log}", err=True)
        sys.exit(1)
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    timeline.close(kept=folder if keep else None)


def _folder(keep: Path | None) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="keyfuse-demo-"))
    if keep.exists() and any(keep.iterdir()):
        raise click.UsageError(f"--keep {keep}: the folder is not empty")
    keep.mkdir(parents=True, exist_ok=True)
    return keep.resolve()
