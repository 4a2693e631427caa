"""What the stand-in for GitHub's REST API answers to each call, and what it remembers of it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Call(NamedTuple):
    """One request: what was asked for, and with which permissions."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    permissions: dict[str, str]


class Answer(NamedTuple):
    status: int
    document: Any
    headers: Mapping[str, str] = MappingProxyType({})


def _create_run(api: Any, call: Call, repository: str) -> Answer:
    run = {"id": next(api.numbers), "repository": repository, "status": "queued", "all": []}
    api.check_runs.append(run)
    return Answer(201, _merge(run, call.body))


def _update_run(api: Any, call: Call, _repository: str, number: str) -> Answer:
    run = next((run for run in api.check_runs if run["id"] == int(number)), None)
    return Answer(404, {}) if run is None else Answer(200, _merge(run, call.body))


def _merge(run: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Change a check run as GitHub does: annotations are appended, at most fifty at once."""
    output = dict(body.get("output", {}))
    annotations = output.pop("annotations", [])
    assert len(annotations) <= 50, "GitHub answers 422 to more"
    run["all"] += annotations
    run |= {name: value for name, value in body.items() if name != "output"}
    run["output"] = output | {"annotations_count": len(run["all"])}
    return {name: value for name, value in run.items() if name != "all"}


def _list_runs(api: Any, call: Call, _repository: str, commit: str) -> Answer:
    runs = [run for run in api.check_runs if run["head_sha"] == commit]
    shown = [{name: value for name, value in run.items() if name != "all"} for run in runs]
    return Answer(200, {"total_count": len(runs), "check_runs": _page(shown, call)})


def _list_comments(api: Any, call: Call, _repository: str, commit: str) -> Answer:
    return Answer(200, _page([one for one in api.comments if one["commit"] == commit], call))


def _create_comment(api: Any, call: Call, _repository: str, commit: str) -> Answer:
    api.comments.append({"id": next(api.numbers), "commit": commit, **call.body})
    return Answer(201, api.comments[-1])


def _list_issues(api: Any, call: Call, _repository: str) -> Answer:
    return Answer(200, _page(list(reversed(api.issues)), call))


def _create_issue(api: Any, call: Call, _repository: str) -> Answer:
    api.issues.append({"number": next(api.numbers), **call.body})
    return Answer(201, api.issues[-1])


def _repository_installation(_api: Any, _call: Call, _repository: str) -> Answer:
    return Answer(200, {"id": 7, "app_id": 12345})


def _get_alert(api: Any, _call: Call, repository: str, number: str) -> Answer:
    alert = api.alerts.get((repository, int(number)))
    if alert is None:
        return Answer(404, {"message": "Not Found"})
    return Answer(200, {name: value for name, value in alert.items() if name != "locations"})


def _list_locations(api: Any, call: Call, repository: str, number: str) -> Answer:
    return Answer(200, _page(api.alerts[repository, int(number)]["locations"], call))


def _update_alert(api: Any, call: Call, repository: str, number: str) -> Answer:
    alert = api.alerts[repository, int(number)]
    if call.body.get("state") == "resolved" and "resolution" not in call.body:
        return Answer(422, {"message": "resolution is required"})
    alert |= call.body
    return _get_alert(api, call, repository, number)


def _list_deliveries(api: Any, call: Call) -> Answer:
    """Pages by cursor, whose address is in a header, as GitHub gives them."""
    begin, size = int(call.query.get("cursor", 0)), int(call.query.get("per_page", 30))
    headers = {}
    if begin + size < len(api.deliveries):
        address = f"https://attacker.invalid/app/hook/deliveries?cursor={begin + size}"
        headers["Link"] = f'<{address}>; rel="next"'
    return Answer(200, api.deliveries[begin : begin + size], headers)


def _redeliver(api: Any, _call: Call, number: str) -> Answer:
    if not any(one["id"] == int(number) for one in api.deliveries):
        return Answer(404, {"message": "Not Found"})
    return Answer(202, {})


def _convert(_api: Any, _call: Call, code: str) -> Answer:
    if code != "good-code":
        return Answer(404, {"message": "Not Found"})
    page = "https://github.com/apps/keyfuse"
    made = {"id": 4711, "html_url": page, "pem": "PEM", "webhook_secret": "s3cret"}
    return Answer(201, made | {"client_secret": "not ours to keep"})


def _list_patterns(api: Any, call: Call, where: str) -> Answer:
    return Answer(200, _page(api.patterns.get(where, []), call))


def _create_patterns(api: Any, call: Call, where: str) -> Answer:
    made = [
        {"id": next(api.numbers), "state": "unpublished", "custom_pattern_version": "v1", **one}
        for one in call.body["patterns"]
    ]
    api.patterns.setdefault(where, []).extend(made)
    return Answer(201, {"created_patterns": made})


def _update_pattern(api: Any, call: Call, where: str, number: str) -> Answer:
    found = next(one for one in api.patterns[where] if one["id"] == int(number))
    if call.body.pop("custom_pattern_version") != found["custom_pattern_version"]:
        return Answer(412, {"message": "Precondition Failed"})
    found |= call.body
    return Answer(200, found)


def _installation(api: Any, _call: Call, kind: str, account: str) -> Answer:
    number = api.installations.get((kind, account))
    return Answer(404, {"message": "Not Found"}) if number is None else Answer(200, {"id": number})


def _list_repositories(api: Any, call: Call) -> Answer:
    listed = _page(api.repositories, call)
    return Answer(200, {"total_count": len(api.repositories), "repositories": listed})


def _list_of_organization(api: Any, call: Call, _account: str) -> Answer:
    return Answer(200, _page([one for one in api.repositories if not one["private"]], call))


def _page(entries: list[Any], call: Call) -> list[Any]:
    size = int(call.query.get("per_page", 30))
    begin = (int(call.query.get("page", 1)) - 1) * size
    return entries[begin : begin + size]


_REPO = r"/repos/([^/]+/[^/]+)"
_SHA = "([0-9a-f]{40})"
_ALERT = "/secret-scanning/alerts/([0-9]+)"
_PATTERNS = "/((?:repos/[^/]+/[^/]+)|(?:orgs/[^/]+))/secret-scanning/custom-patterns"
_READS_ALERTS = ("secret_scanning_alerts", "read")
Route = Callable[..., Answer]
ROUTES: list[tuple[str, str, tuple[str, str], Route]] = [
    ("POST", f"{_REPO}/check-runs", ("checks", "write"), _create_run),
    ("PATCH", f"{_REPO}/check-runs/([0-9]+)", ("checks", "write"), _update_run),
    ("GET", f"{_REPO}/commits/{_SHA}/check-runs", ("checks", "read"), _list_runs),
    ("GET", f"{_REPO}/commits/{_SHA}/comments", ("contents", "read"), _list_comments),
    ("POST", f"{_REPO}/commits/{_SHA}/comments", ("contents", "read"), _create_comment),
    ("GET", f"{_REPO}{_ALERT}", _READS_ALERTS, _get_alert),
    ("GET", f"{_REPO}{_ALERT}/locations", _READS_ALERTS, _list_locations),
    ("PATCH", f"{_REPO}{_ALERT}", ("secret_scanning_alerts", "write"), _update_alert),
    ("GET", f"{_REPO}/installation", ("app", "write"), _repository_installation),
    ("GET", f"{_REPO}/issues", ("issues", "read"), _list_issues),
    ("POST", f"{_REPO}/issues", ("issues", "write"), _create_issue),
    ("GET", "/app/hook/deliveries", ("app", "write"), _list_deliveries),
    ("POST", "/app/hook/deliveries/([0-9]+)/attempts", ("app", "write"), _redeliver),
    ("POST", "/app-manifests/([^/]+)/conversions", ("", ""), _convert),
    ("GET", "/(orgs|users)/([^/]+)/installation", ("app", "write"), _installation),
    ("GET", "/installation/repositories", ("metadata", "read"), _list_repositories),
    ("GET", "/orgs/([^/]+)/repos", ("", ""), _list_of_organization),
    ("GET", _PATTERNS, ("patterns", "write"), _list_patterns),
    ("POST", _PATTERNS, ("patterns", "write"), _create_patterns),
    ("PATCH", f"{_PATTERNS}/([0-9]+)", ("patterns", "write"), _update_pattern),
]
