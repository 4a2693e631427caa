"""Where each command is: loaded only when it is called, as many live in other packages.

To add one: a line here, and a click command of that name there.
"""

from typing import NamedTuple


class Elsewhere(NamedTuple):
    """Where a command is, and what `keyfuse --help` says about it."""

    target: str
    help: str


ELSEWHERE = {
    "action": Elsewhere(
        "keyfuse_scanner.commands_action:action", "Be a step of a GitHub workflow."
    ),
    "audit": Elsewhere("keyfuse_store.cli:audit", "Show and check who changed what."),
    "baseline": Elsewhere(
        "keyfuse_scanner.commands_baseline:baseline",
        "Secrets that are known and no longer reported.",
    ),
    "completion": Elsewhere(
        "keyfuse_scanner.commands_doctor:completion",
        "Print what makes a shell complete commands and options.",
    ),
    "console": Elsewhere("keyfuse_webhook.console.command:console", "Sign in to the console."),
    "db": Elsewhere("keyfuse_store.cli:db", "Make, migrate and check the database."),
    "demo": Elsewhere("keyfuse_webhook.demo:demo", "Show the whole story on throwaway data."),
    "doctor": Elsewhere(
        "keyfuse_scanner.commands_doctor:doctor",
        "Check that hook, engine, rules and service are in place.",
    ),
    "github": Elsewhere("keyfuse_webhook.github_cli:github", "Connect keyfuse to GitHub."),
    "hook": Elsewhere("keyfuse_scanner.commands_hook:hook", "Scan every commit before it is made."),
    "init": Elsewhere(
        "keyfuse_scanner.commands_init:init",
        "Set a repository up: policy, hook, workflow, middleware.",
    ),
    "jobs": Elsewhere("keyfuse_webhook.jobs_cli:jobs", "What waits, runs or has failed."),
    "keys": Elsewhere("keyfuse_store.cli:keys", "Issue, verify and revoke API keys."),
    "leaks": Elsewhere("keyfuse_webhook.leaks_cli:leaks", "What leaked, and what was done."),
    "owners": Elsewhere("keyfuse_store.cli:owners", "Who is told when a key leaks."),
    "rules": Elsewhere("keyfuse_scanner.commands_rules:rules", "What keyfuse looks for."),
    "scan": Elsewhere(
        "keyfuse_scanner.commands_scan:scan",
        "Find secrets in files, in what is staged, or in history.",
    ),
    "serve": Elsewhere("keyfuse_webhook.cli:serve", "Run the HTTP service."),
    "worker": Elsewhere("keyfuse_webhook.cli:worker", "Run jobs, as many workers as you like."),
}
# What `pip install keyfuse` leaves out; anything else that is missing is a bug.
OURS = ("keyfuse_rules", "keyfuse_scanner", "keyfuse_store", "keyfuse_webhook")
INSTALL_HINT = "pip install 'keyfuse[server]'"
