"""keyfuse as a step of a GitHub workflow: what `action.yml` runs.

    event ──> plan ──> fetch what is missing ──> scan ──> annotations, summary, outputs, SARIF

Read `event.py` first. Nothing here needs a secret: the workflow's own token reads the repository.
"""
