"""The command line: parse, compose, print. What happens is elsewhere."""

from importlib import import_module

import click
from click.shell_completion import CompletionItem

from keyfuse_scanner.commands import ELSEWHERE, INSTALL_HINT, OURS
from keyfuse_scanner.errors import UsageError


class Commands(click.Group):
    """Commands that are loaded when they are called, ours and those of other packages."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click has it
        """Return the names of all commands."""
        return sorted(ELSEWHERE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, which is loaded now."""
        if cmd_name not in ELSEWHERE:
            return None
        try:
            return _load(cmd_name)
        except UsageError:
            if not ctx.resilient_parsing:
                raise
            return None  # a shell that completes wants no message

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading any."""
        rows = [(name, ELSEWHERE[name].help) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the names of commands without loading any."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        items = [CompletionItem(name, help=ELSEWHERE[name].help) for name in names]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]


def _load(name: str) -> click.Command:
    module, _, attribute = ELSEWHERE[name].target.partition(":")
    try:
        command = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in OURS:
            raise
        raise UsageError(f"keyfuse {name} needs the server part: {INSTALL_HINT}") from None
    assert isinstance(command, click.Command)
    return command


def _print_version(ctx: click.Context, _param: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from importlib.metadata import version

        from keyfuse_rules.pack import default_rules
        from keyfuse_scanner.engine import engine_facts

        facts = engine_facts()
        engine = f"{facts.engine} {facts.version}".strip()
        click.echo(f"keyfuse {version('keyfuse')} ({engine}, {len(default_rules())} rules)")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show version, engine and how many rules there are, and exit.",
)
def keyfuse() -> None:
    """Issue API keys, find them wherever they leak, and blow the fuse."""
