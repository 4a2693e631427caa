"""`keyfuse scan`."""

from typing import Any

import click

from keyfuse_rules.model import RULE_SETS, Severity
from keyfuse_scanner.dates import parse_since
from keyfuse_scanner.policy_fields import parse_size
from keyfuse_scanner.reports import REPORTS
from keyfuse_scanner.scan_command import run
from keyfuse_scanner.scan_request import Request

_SEVERITIES = [severity.label for severity in reversed(Severity)]


class Size(click.ParamType[int]):
    """Bytes, such as `10m`."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of bytes."""
        try:
            return parse_size(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Since(click.ParamType[int]):
    """A date, a time, or how long ago, such as `90d`."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return seconds since 1970."""
        try:
            return parse_since(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path())
@click.option("--staged", is_flag=True, help="Scan what is about to be committed.")
@click.option(
    "--range", "range_", metavar="A..B", help="Scan what commits in B and not in A bring."
)
@click.option("--history", is_flag=True, help="Scan every object of the repository.")
@click.option("--stdin", is_flag=True, help="Scan standard input.")
@click.option("--since", type=Since(), help="With --history: only commits since then, such as 90d.")
@click.option("--branch", metavar="REF", help="With --history: only what this reaches.")
@click.option("--format", "format_", type=click.Choice(list(REPORTS)), help="Default: text.")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("--output", metavar="FILE", type=click.Path(), help="Write the report to a file.")
@click.option(
    "--config", metavar="FILE", type=click.Path(), help="Policy file, instead of keyfuse.toml."
)
@click.option(
    "--rules",
    "rule_files",
    metavar="PATH",
    multiple=True,
    type=click.Path(),
    help="Use the rules of this file or folder, too; may be repeated.",
)
@click.option("--rule-set", type=click.Choice(RULE_SETS), help="Default: default.")
@click.option("--only", metavar="ID", multiple=True, help="Use only this rule; may be repeated.")
@click.option("--all", "all_", is_flag=True, help="Show what does not count, too, and why.")
@click.option("--show-secrets", is_flag=True, help="Show secrets in full.")
@click.option("--no-decode", is_flag=True, help="Leave encoded text and archives as they are.")
@click.option("--no-cache", is_flag=True, help="Use nothing from earlier scans, keep nothing.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="With --history: processes at most.",
)
@click.option("--max-file-size", type=Size(), help="Leave larger files out, and say so.")
@click.option(
    "--baseline", metavar="FILE", type=click.Path(), help="Known secrets, instead of the policy's."
)
@click.option("--fail-on", type=click.Choice(_SEVERITIES), help="Least severity that fails.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 even when there are findings.")
@click.option(
    "--report-to", metavar="URL", help="Burn what is found at the service that issued it."
)
@click.option(
    "--report-prefix",
    metavar="PREFIX",
    multiple=True,
    help="With --report-to: send keys with this prefix; may be repeated.",
)
def scan(**options: Any) -> int:
    """Find secrets in files, in what is staged, in a range of commits, or in all history.

    Without an option PATHs are files and folders of the work tree (default: here; ignored files
    too). With --staged, --range or --history one PATH may name the repository.

    Exit codes: 0 clean, 1 findings, 2 usage, 3 not everything could be scanned and nothing was
    found.
    """
    return run(Request(**options))
