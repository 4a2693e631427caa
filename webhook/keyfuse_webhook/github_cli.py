"""`keyfuse github`: setup, install-pattern, catch-up, scan-org."""

import logging
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from keyfuse_rules.errors import RulesError
from keyfuse_scanner.exits import Exit
from keyfuse_store.cli.printing import print_json
from keyfuse_store.cli.shell import load_settings
from keyfuse_store.errors import StoreError
from keyfuse_store.settings import Settings
from keyfuse_webhook.errors import InvalidSetting, WebhookError
from keyfuse_webhook.github_names import account_name, repository_name
from keyfuse_webhook.scan_org_cli import scan_org
from keyfuse_webhook.user_token import user_token

# GitHub's code is good for an hour.
_PATIENCE = 3600.0

_config = click.option(
    "--config", type=click.Path(dir_okay=False), help="A TOML file with service settings."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


class _Group(click.Group):
    """A group whose commands answer what cannot be done with one line and exit 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (StoreError, WebhookError, RulesError) as error:
            click.echo(f"keyfuse: {error}", err=True)
            sys.exit(Exit.USAGE)


@click.group(cls=_Group)
def github() -> None:
    """Connect keyfuse to GitHub."""
    from keyfuse_webhook import logs

    # What a command has to say it says itself.
    logs.configure(level=logging.WARNING)


github.add_command(scan_org)


@github.command()
@click.option("--org", metavar="ORG", help="The organisation that is to own the App.")
@click.option("--base-url", metavar="URL", help="Where GitHub reaches the service, over https.")
@click.option("--name", default="keyfuse", show_default=True, help="Of the App; unique on GitHub.")
@click.option("--issues", is_flag=True, help="Let it open issues, for KEYFUSE_GITHUB_REPORT=issue.")
@click.option("--page", metavar="FILE", type=click.Path(), help="Write the page, serve none.")
@click.option("--code", metavar="CODE", help="Go on with the code that GitHub came back with.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Serve the page here.")
@_json
@_config
def setup(
    *,
    org: str | None,
    base_url: str | None,
    name: str,
    issues: bool,
    page: str | None,
    code: str | None,
    port: int,
    as_json: bool,
    config: str | None,
) -> None:
    """Make the GitHub App with the permissions that keyfuse needs, and keep its key.

    Serves a page on this machine whose button takes you to GitHub; there you see what the App may
    do and confirm it. Its key and its webhook secret come back into two files. On a machine
    without a browser: --page, open the file elsewhere, then --code with what GitHub put behind
    `code=` in the address.
    """
    from keyfuse_webhook import app_setup
    from keyfuse_webhook.github_api import GitHubApi

    settings = load_settings(config, None)
    if code is None:
        if org is not None and account_name(org) is None:
            raise InvalidSetting("--org: that is no name of an organisation")
        base = _base_url(base_url, settings)
        wanted = app_setup.Wanted(settings.github_server_url, base, name, org, issues)
        if page is not None:
            _write_page(wanted, page)
            return
        with app_setup.CodeServer(wanted, port).running() as server:
            click.echo(f"Open {server.url}/ in a browser on this machine.", err=True)
            code = server.wait(_PATIENCE)
    api = GitHubApi(settings.github_api_url)
    try:
        made = app_setup.exchange(api, code, settings.home)
    finally:
        api.close()
    variables = {
        "KEYFUSE_GITHUB_APP_ID": made.id,
        "KEYFUSE_GITHUB_APP_PRIVATE_KEY_FILE": str(made.key_file),
        "KEYFUSE_GITHUB_WEBHOOK_SECRETS_FILE": str(made.secret_file),
    }
    if as_json:
        print_json({"page": made.page, "settings": variables})
        return
    click.echo("The App is made. Set these for `keyfuse serve`, and keep the two files safe:\n")
    for variable, value in variables.items():
        click.echo(f"  {variable}={value}")
    click.echo(f"\nThen install it where it is to work: {made.page}/installations/new")
    click.echo("and see it work: push to a repository, and look at the check of the commit.")


@github.command(name="install-pattern")
@click.argument("where", metavar="ORG|OWNER/NAME")
@click.option("--prefix", multiple=True, help="Only keys with this prefix; may be repeated.")
@_json
@_config
def install_pattern(
    *, where: str, prefix: tuple[str, ...], as_json: bool, config: str | None
) -> None:
    """Have GitHub's secret scanning look for our keys, by a custom pattern.

    Needs GITHUB_TOKEN, the token of somebody who administers the repository or organisation.
    """
    from keyfuse_webhook.custom_pattern import install, pattern
    from keyfuse_webhook.github_api import Below, GitHubApi

    wanted = [pattern(one) for one in prefix] or [pattern(None)]
    base, token = _patterns_of(where), user_token(os.environ)
    if token is None:
        raise InvalidSetting(
            "set GITHUB_TOKEN to a token of somebody who administers the repository or organisation"
        )
    api = GitHubApi(load_settings(config, None).github_api_url)
    try:
        done = [install(Below(api, base, token), one) for one in wanted]
    finally:
        api.close()
    if as_json:
        rows = [{**one.pattern._asdict(), "change": one.change, "state": one.state} for one in done]
        print_json({"patterns": rows})
        return
    for one in done:
        click.echo(f"{one.pattern.name}: {one.change}, {one.state}")
    if any(one.state == "unpublished" for one in done):
        click.echo("Publish it in the settings of secret scanning: until then it raises no alert.")


@github.command(name="catch-up")
@_json
@_config
def catch_up(*, as_json: bool, config: str | None) -> None:
    """Ask GitHub again for the webhook deliveries of the last three days that were missed.

    A running service does the same every ten minutes.
    """
    from keyfuse_webhook.catch_up import CatchUp
    from keyfuse_webhook.github_api import GitHubApi
    from keyfuse_webhook.github_jobs import github_app

    settings = load_settings(config, None)
    app = github_app(settings)
    api = GitHubApi(settings.github_api_url)
    try:
        done = CatchUp(api, app.jwt if app else None, lambda: datetime.now(UTC)).run()
    finally:
        api.close()
    if as_json:
        print_json(asdict(done))
    else:
        click.echo(done.words())


def _base_url(given: str | None, settings: Settings) -> str:
    base = settings.base_url if given is None else given.rstrip("/")
    if base is None or not base.startswith("https://"):
        raise InvalidSetting(
            "say where GitHub reaches the service, over https: --base-url, or KEYFUSE_BASE_URL"
        )
    return base


def _write_page(wanted: Any, page: str) -> None:
    """For a browser elsewhere: it ends at an address where nobody is, with the code in it."""
    try:
        Path(page).write_text(wanted.page("http://127.0.0.1/created", ""), encoding="utf-8")
    except OSError as error:
        raise InvalidSetting(f"{page}: {error.strerror}") from None
    click.echo(f"Open {page} in a browser and press the button. It ends at a page that is not")
    click.echo("there; copy what stands behind `code=` in its address, and within the hour:")
    click.echo("  keyfuse github setup --code CODE")


def _patterns_of(where: str) -> str:
    repository = repository_name(where)
    if repository is not None:
        return f"/repos/{repository}/secret-scanning/custom-patterns"
    if account_name(where) is None:
        raise InvalidSetting(f"{where!r} is neither an organisation nor OWNER/NAME")
    return f"/orgs/{where}/secret-scanning/custom-patterns"
