"""What `keyfuse scan` is asked to do. Pure."""

from typing import NamedTuple

from keyfuse_scanner.errors import UsageError
from keyfuse_scanner.reports import PRIVATE


class Request(NamedTuple):
    """The arguments and options of the command, as `keyfuse scan --help` explains them."""

    paths: tuple[str, ...] = ()
    staged: bool = False
    range_: str | None = None
    history: bool = False
    stdin: bool = False
    since: int | None = None
    branch: str | None = None
    format_: str | None = None
    as_json: bool = False
    output: str | None = None
    config: str | None = None
    rule_files: tuple[str, ...] = ()
    rule_set: str | None = None
    only: tuple[str, ...] = ()
    all_: bool = False
    show_secrets: bool = False
    no_decode: bool = False
    no_cache: bool = False
    jobs: int | None = None
    max_file_size: int | None = None
    baseline: str | None = None
    fail_on: str | None = None
    exit_zero: bool = False
    report_to: str | None = None
    report_prefix: tuple[str, ...] = ()

    @property
    def is_of_files(self) -> bool:
        """Whether it is about files of the work tree, or standard input, and not about git."""
        return not (self.staged or self.history or self.range_ is not None)


def format_of(request: Request) -> str:
    """Return the format of the report.

    Raises:
        UsageError: two are named, or one that never has secrets is to show them.
    """
    if request.as_json and request.format_ not in {None, "json"}:
        raise UsageError("--json and --format contradict each other; give one of them")
    format_ = "json" if request.as_json else request.format_ or "text"
    if request.show_secrets and format_ not in PRIVATE:
        raise UsageError(f"--show-secrets: a report in {format_} is for others and never has them")
    return format_
