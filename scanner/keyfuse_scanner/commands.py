"""Commands that live in other packages, loaded only when they are called.

To add one: a line here, and a click command of that name there.
"""

from typing import NamedTuple


class Elsewhere(NamedTuple):
    """Where a command is, and what `keyfuse --help` says about it."""

    target: str
    help: str


ELSEWHERE = {
    "audit": Elsewhere("keyfuse_store.cli:audit", "Show and check who changed what."),
    "db": Elsewhere("keyfuse_store.cli:db", "Make, migrate and check the database."),
    "demo": Elsewhere("keyfuse_webhook.demo:demo", "Show the whole story on throwaway data."),
    "github": Elsewhere("keyfuse_webhook.github_cli:github", "Connect keyfuse to GitHub."),
    "jobs": Elsewhere("keyfuse_webhook.jobs_cli:jobs", "What waits, runs or has failed."),
    "keys": Elsewhere("keyfuse_store.cli:keys", "Issue, verify and revoke API keys."),
    "leaks": Elsewhere("keyfuse_webhook.leaks_cli:leaks", "What leaked, and what was done."),
    "owners": Elsewhere("keyfuse_store.cli:owners", "Who is told when a key leaks."),
    "serve": Elsewhere("keyfuse_webhook.cli:serve", "Run the HTTP service."),
    "worker": Elsewhere("keyfuse_webhook.cli:worker", "Run jobs, as many workers as you like."),
}
# What `pip install keyfuse` leaves out; anything else that is missing is a bug.
OURS = ("keyfuse_rules", "keyfuse_scanner", "keyfuse_store", "keyfuse_webhook")
INSTALL_HINT = "pip install 'keyfuse[server]'"
