"""What a workflow tells its step: the inputs of `action.yml` and the variables of the runner.

https://docs.github.com/en/actions/reference/workflows-and-actions/variables
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from keyfuse_rules.model import Severity
from keyfuse_rules.secret import Secret
from keyfuse_scanner.errors import UsageError
from keyfuse_scanner.leak_report import Target, target
from keyfuse_scanner.policy_fields import parse_severity
from keyfuse_scanner.printable import harmless

# GitHub sends no event as large.
_LARGEST_EVENT = 64 * 1024 * 1024


class Job(NamedTuple):
    """The surroundings of the step.

    Attributes:
        event_name: What triggered the workflow.
        payload: Of the event.
        commit_id: GITHUB_SHA.
        ref: GITHUB_REF.
        name: `owner/name` of the repository.
        server: Address of its server.
        api: Address of its API.
        checkout: The folder that holds the repository.
        token: The workflow's own; empty for none.
        report: Where own keys are reported to; None for nowhere.
        fail_on: The least severity that fails; None for what the policy says.
        uploads: Whether SARIF is uploaded.
        summary: The file of the job's summary; None where there is none.
        outputs: The file of the step's outputs; None where there is none.
        temporary: A folder for what later steps may read.
    """

    event_name: str
    payload: Mapping[str, Any]
    commit_id: str
    ref: str
    name: str
    server: str
    api: str
    checkout: Path
    token: Secret
    report: Target | None
    fail_on: Severity | None
    uploads: bool
    summary: Path | None
    outputs: Path | None
    temporary: Path


def read_job(environ: Mapping[str, str]) -> Job:
    """Return what the environment says.

    Raises:
        UsageError: this is no workflow, or an input is wrong.
    """
    workspace = Path(_needed(environ, "GITHUB_WORKSPACE"))
    return Job(
        event_name=_needed(environ, "GITHUB_EVENT_NAME"),
        payload=_payload(Path(_needed(environ, "GITHUB_EVENT_PATH"))),
        commit_id=_needed(environ, "GITHUB_SHA"),
        ref=_needed(environ, "GITHUB_REF"),
        name=_needed(environ, "GITHUB_REPOSITORY"),
        server=environ.get("GITHUB_SERVER_URL") or "https://github.com",
        api=environ.get("GITHUB_API_URL") or "https://api.github.com",
        checkout=workspace / environ.get("INPUT_PATH", ""),
        token=Secret(environ.get("INPUT_TOKEN", "")),
        report=_target(environ),
        fail_on=_severity(environ.get("INPUT_FAIL_ON", "")),
        uploads=_yes(environ, "INPUT_UPLOAD_SARIF", "upload-sarif"),
        summary=_file(environ, "GITHUB_STEP_SUMMARY"),
        outputs=_file(environ, "GITHUB_OUTPUT"),
        temporary=Path(environ.get("RUNNER_TEMP") or workspace.parent),
    )


def _needed(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise UsageError(f"{name} is not set: this command is a step of a GitHub workflow")
    return value


def _payload(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_LARGEST_EVENT))
    except (OSError, ValueError, RecursionError):
        raise UsageError(f"{harmless(str(path))}: cannot be read as an event") from None
    if not isinstance(value, dict):
        raise UsageError(f"{harmless(str(path))}: is no event")
    return value


def _target(environ: Mapping[str, str]) -> Target | None:
    url = environ.get("INPUT_REPORT_TO", "").strip()
    prefixes = environ.get("INPUT_REPORT_PREFIXES", "").replace(",", " ").split()
    if not url:
        if prefixes:
            raise UsageError("report-prefixes belongs to report-to")
        return None
    return target(url, prefixes)


def _severity(text: str) -> Severity | None:
    try:
        return parse_severity(text.strip()) if text.strip() else None
    except ValueError as error:
        raise UsageError(f"fail-on: {harmless(str(error))}") from None


def _yes(environ: Mapping[str, str], variable: str, shown: str) -> bool:
    text = environ.get(variable, "true").strip().lower()
    if text not in {"true", "false"}:
        raise UsageError(f"{shown}: write true or false")
    return text == "true"


def _file(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None
