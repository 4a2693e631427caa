"""`keyfuse github scan-org`: begin or go on with a scan of many repositories, and report it."""

import click

from keyfuse_rules.model import Severity
from keyfuse_scanner.reports import REPORTS
from keyfuse_webhook.errors import InvalidSetting

_SEVERITIES = [severity.label for severity in reversed(Severity)]


@click.command(name="scan-org")
@click.argument("account", metavar="[ORG]", required=False)
@click.option("--path-list", metavar="FILE", type=click.Path(), help="Scan repositories on disk.")
@click.option("--resume", metavar="SCAN", help="Go on with a scan, or report it once more.")
@click.option("--report-only", is_flag=True, help="Leave keys of ours that are found alive.")
@click.option("--no-worker", is_flag=True, help="Leave all of the work to other workers.")
@click.option("--format", "format_", type=click.Choice(list(REPORTS)), help="Default: text.")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("--output", metavar="FILE", type=click.Path(), help="Write the report to a file.")
@click.option("--fail-on", type=click.Choice(_SEVERITIES), help="Least severity that fails.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 even when there are findings.")
@click.option("--database-url", metavar="URL", help="The database, before the settings.")
@click.option(
    "--config", type=click.Path(dir_okay=False), help="A TOML file with service settings."
)
def scan_org(
    *,
    account: str | None,
    path_list: str | None,
    resume: str | None,
    report_only: bool,
    no_worker: bool,
    format_: str | None,
    as_json: bool,
    output: str | None,
    fail_on: str | None,
    exit_zero: bool,
    database_url: str | None,
    config: str | None,
) -> int:
    """Scan the whole history of all repositories of ORG, spread over the workers.

    Keys of ours that are found are dealt with as their key type says. The scan is kept in the
    database: if this command ends, the workers go on, and --resume reports.
    """
    from keyfuse_webhook.scan_org_command import Wish, run

    if sum(given is not None for given in (account, path_list, resume)) != 1:
        raise InvalidSetting("give one of ORG, --path-list and --resume")
    if as_json and format_ not in {None, "json"}:
        raise InvalidSetting("--json and --format contradict each other; give one of them")
    wish = Wish(
        account=account,
        path_list=path_list,
        resume=resume,
        kills=not report_only,
        works=not no_worker,
        form="json" if as_json else format_ or "text",
        output=output,
        fail_on=fail_on or Severity.LOW.label,
        exit_zero=exit_zero,
    )
    return run(wish, config, database_url)
