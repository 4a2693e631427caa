"""Secret scanning alert events: the secret is asked for, ours dies, the alert is resolved."""

import base64

import pytest

from keyfuse_store import audit, leaks
from keyfuse_store.evidence import evidence_of
from keyfuse_webhook.events import AlertNamed, read_alert
from keyfuse_webhook.github_names import RepositoryName
from keyfuse_webhook.jobs_model import TryAgain
from keyfuse_webhook.secret_alert import candidates, places
from support.byhand import ByHand
from support.githubapi import Fault
from support.githubapi_routes import Answer
from support.hunt import holds_key
from support.keys import make_key

SHA = "c" * 40
PAGE = "https://github.com/acme/app/security/secret-scanning/42"


@pytest.fixture
def jobs(settings, open_service, api):
    def start(config="", **more):
        return ByHand(open_service(settings(config, **api.settings(**more))))

    return start


def payload(action="created", number=42, **changes):
    return {
        "action": action,
        "alert": {"number": number, "secret_type": "acme_key", "state": "open"},
        "repository": {"full_name": "acme/app", "private": False},
    } | changes


def commit(path="src/a.py", line=3, **changes):
    details = {"path": path, "start_line": line, "end_line": line, "commit_sha": SHA,
               "blob_sha": "b" * 40, "commit_url": "https://attacker.invalid"}  # fmt: skip
    return {"type": "commit", "details": details | changes}


def alert(api, secret, locations=(), **fields):
    api.alerts["acme/app", 42] = {
        "number": 42, "state": "open", "secret": secret, "locations": list(locations),
    } | fields  # fmt: skip


def evidence(service, issued):
    with service.store.read() as connection:
        leak = leaks.for_key(connection, issued.key.id)
        return [kept.evidence for kept in evidence_of(connection, leak.id)] if leak else []


def test_our_key_dies_and_the_alert_is_resolved_as_revoked(jobs, api):
    jobs = jobs()
    issued, other = jobs.service.issue(), jobs.service.issue()
    comment = {"type": "issue_comment", "details": {"issue_comment_url": "https://x.invalid"}}
    alert(api, issued.token.reveal(), [commit(), comment])
    outcome = jobs.event("secret_scanning_alert", payload())
    assert (outcome.state, outcome.reason) == ("done", "1 key of ours; the alert is resolved")
    assert jobs.service.state(issued) == "revoked"
    assert jobs.service.state(other) == "active"
    resolved = api.alerts["acme/app", 42]
    assert (resolved["state"], resolved["resolution"]) == ("resolved", "revoked")
    assert issued.key.id in resolved["resolution_comment"]
    found = {(one.source, one.url) for one in evidence(jobs.service, issued)}
    assert found == {
        ("secret_scanning", PAGE),
        ("commit", f"https://github.com/acme/app/blob/{SHA}/src/a.py#L3"),
        ("issue_comment", PAGE),
    }
    assert {one.trust for one in evidence(jobs.service, issued)} == {"signed"}
    places = {(one.commit, one.path, one.line) for one in evidence(jobs.service, issued)}
    assert places == {(SHA, "src/a.py", 3), (None, None, None)}
    assert [body["permissions"] for _, body in api.calls] == [{"secret_scanning_alerts": "write"}]
    assert not holds_key(repr(api.asked).encode())
    assert [job.kind for job in jobs.waiting] == ["notify"]


def test_first_place_is_known_before_the_list_is_asked_for(jobs, api):
    jobs = jobs()
    issued = jobs.service.issue()
    alert(api, issued.token.reveal(), first_location_detected=commit()["details"])
    api.faults.append(Fault("GET", "/locations", Answer(500, {})))
    with pytest.raises(TryAgain):
        jobs.event("secret_scanning_alert", payload())
    assert jobs.service.state(issued) == "revoked", "the key does not wait for the places"
    assert [one.source for one in evidence(jobs.service, issued)] == ["commit"]


def test_alerts_of_others_are_left_alone(jobs, api):
    jobs = jobs()
    issued = jobs.service.issue()
    secrets = [
        make_key("acme_live", 5).reveal(),
        issued.token.reveal()[:-7] + "A" + issued.token.reveal()[-6:],
        issued.key.id,
        "xoxb-something-else",
        None,
        {},
        "",
    ]
    for number, secret in enumerate(secrets):
        alert(api, secret, [commit()])
        outcome = jobs.event("secret_scanning_alert", payload(), str(number))
        assert (outcome.state, outcome.reason) == ("done", "not a key of ours")
    assert api.did("PATCH", "/") == api.did("GET", "/locations") == []
    assert jobs.service.state(issued) == "active"


@pytest.mark.parametrize("shape", ["{}", " {}\n", '"{}"', "Bearer {}", "KEY={};", "base64"])
def test_a_key_is_ours_however_the_pattern_cut_it_out(jobs, api, shape):
    jobs = jobs()
    issued = jobs.service.issue()
    token = issued.token.reveal()
    encoded = base64.b64encode(f"key: {token}".encode()).decode()
    alert(api, encoded if shape == "base64" else shape.format(token), is_base64_encoded=None)
    assert jobs.event("secret_scanning_alert", payload()).reason.endswith("is resolved")
    assert jobs.service.state(issued) == "revoked"


def test_an_event_again_changes_nothing(jobs, api):
    jobs = jobs()
    issued = jobs.service.issue()
    alert(api, issued.token.reveal(), [commit()])
    jobs.event("secret_scanning_alert", payload())
    outcome = jobs.event("secret_scanning_alert_location", payload(location=commit()), "2")
    assert outcome.reason == "1 key of ours; the alert was resolved before"
    assert len(api.did("PATCH", "/")) == 1
    with jobs.service.store.read() as connection:
        actions = [entry.action for entry in audit.entries(connection, subject=issued.key.id)]
    assert actions.count("key.revoked") == 1
    assert jobs.waiting == []


def test_a_new_place_of_a_known_leak_is_added(jobs, api):
    jobs = jobs()
    issued = jobs.service.issue()
    alert(api, issued.token.reveal(), [commit()])
    jobs.event("secret_scanning_alert", payload())
    api.alerts["acme/app", 42]["locations"].append(commit("b.py", 9))
    jobs.event("secret_scanning_alert_location", payload(), "2")
    assert len(evidence(jobs.service, issued)) == 3


def test_a_reopened_alert_of_a_dead_key_is_resolved_again(jobs, api):
    jobs = jobs()
    issued = jobs.service.issue()
    jobs.service.store.revoke(issued.key.id, reason="leaked")
    alert(api, issued.token.reveal())
    assert jobs.event("secret_scanning_alert", payload("reopened")).reason.endswith("is resolved")


@pytest.mark.parametrize(
    ("policy", "state"),
    [('on_leak = "notify"', "active"),
     ('on_leak = "quarantine"\nquarantine_scopes = ["a:b"]', "quarantined")],
)  # fmt: skip
def test_a_key_that_still_works_keeps_its_alert_open(jobs, api, policy, state):
    jobs = jobs(f'[[key_types]]\nprefix = "acme_live"\n{policy}\n')
    issued = jobs.service.issue()
    alert(api, issued.token.reveal())
    outcome = jobs.event("secret_scanning_alert", payload())
    assert outcome.reason == "1 key of ours, still valid; the alert stays open"
    assert jobs.service.state(issued) == state
    assert api.did("PATCH", "/") == []


@pytest.mark.parametrize(("public", "state"), [(False, "active"), (True, "revoked")])
def test_a_private_place_may_have_another_policy_unless_it_is_public_too(jobs, api, public, state):
    jobs = jobs('[[key_types]]\nprefix = "acme_live"\non_leak_private = "notify"\n')
    issued = jobs.service.issue()
    alert(api, issued.token.reveal(), publicly_leaked=public)
    inside = {"full_name": "acme/app", "private": True}
    jobs.event("secret_scanning_alert", payload(repository=inside))
    assert jobs.service.state(issued) == state


@pytest.mark.parametrize("status", [401, 403, 404])
def test_access_lost_is_said_once(jobs, api, status):
    jobs = jobs()
    api.faults.append(Fault("GET", "/alerts/42", Answer(status, {})))
    outcome = jobs.event("secret_scanning_alert", payload())
    assert (outcome.state, str(status) in outcome.reason) == ("failed", True)


def test_resolving_that_is_not_allowed_fails_with_the_key_dead(jobs, api):
    """Where dismissals have to be approved, GitHub answers 403 to ours."""
    jobs = jobs()
    issued = jobs.service.issue()
    alert(api, issued.token.reveal())
    api.faults.append(Fault("PATCH", "/alerts/42", Answer(403, {})))
    assert jobs.event("secret_scanning_alert", payload()).state == "failed"
    assert jobs.service.state(issued) == "revoked"


def test_an_outage_of_the_api_passes(jobs, api):
    jobs = jobs()
    issued = jobs.service.issue()
    alert(api, issued.token.reveal())
    for fault in (Answer(503, {}), None, Answer(200, []), Answer(429, {}, {"Retry-After": "0"})):
        api.faults.append(Fault("GET", "/alerts/42", fault))
        with pytest.raises(TryAgain):
            jobs.event("secret_scanning_alert", payload())
    assert jobs.event("secret_scanning_alert", payload()).state == "done"


def test_without_an_app_or_installation_it_is_said(jobs, api):
    alone = jobs(KEYFUSE_GITHUB_APP_ID="", KEYFUSE_GITHUB_APP_PRIVATE_KEY="")
    assert "GitHub App" in alone.event("secret_scanning_alert", payload()).reason
    outcome = jobs().event("secret_scanning_alert", payload(installation=None))
    assert (outcome.state, api.asked) == ("failed", [])


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"action": "resolved"}, "nothing_to_do"),
        ({"action": "assigned"}, "nothing_to_do"),
        ({"alert": None}, "not_understood"),
        ({"alert": {"number": "42"}}, "not_understood"),
        ({"alert": {"number": True}}, "not_understood"),
        ({"alert": {"number": -1}}, "not_understood"),
        ({"alert": {"number": 2**70}}, "not_understood"),
        ({"repository": {"full_name": "../x"}}, "not_understood"),
    ],
)
def test_events_with_nothing_to_do(changes, word):
    assert read_alert(payload(**changes)) == word


@pytest.mark.parametrize("action", ["created", "reopened", "publicly_leaked", "validated", "new"])
def test_every_other_action_is_looked_into(action):
    assert read_alert(payload(action)).number == 42


def test_a_repository_named_like_a_key_makes_no_job():
    name = f"acme/{make_key(seed=3).reveal()}"
    assert read_alert(payload(repository={"full_name": name})) == "name_holds_a_key"


NAMED = AlertNamed(RepositoryName("acme", "app"), 42, private=False, installation="77")


@pytest.mark.parametrize(
    "details",
    [
        {"commit_sha": "https://attacker.invalid/", "path": "x"},
        {"commit_sha": SHA[:-1], "path": "x"},
        {"commit_sha": None},
        {},
    ],
)
def test_a_place_that_is_no_commit_is_the_page_of_the_alert(details):
    (one,) = places(NAMED, "https://github.com", [{"type": "commit", "details": details}])
    assert one.url == PAGE


def test_paths_are_foreign_text():
    """An address is built of them, and never read out of the answer."""
    (one,) = places(NAMED, "https://github.com", [commit("/a b/%41?#\u00e9", 1.0)])
    assert one.url == f"https://github.com/acme/app/blob/{SHA}/a%20b/%2541%3F%23%C3%A9#L1"
    token = make_key(seed=4).reveal()
    (one,) = places(NAMED, "https://github.com", [commit(token, 1e400)])
    assert token not in one.url


def test_kinds_and_shapes_never_heard_of_are_kept_or_let_be():
    told = places(NAMED, "https://github.com", [{"type": "x" * 999}, 5, None, {"type": 7}])
    assert [one.source for one in told] == ["x" * 40, "secret_scanning"]
    assert [one.source for one in places(NAMED, "https://github.com", [])] == ["secret_scanning"]


def test_a_secret_of_half_a_character_is_odd_and_no_error():
    assert candidates({"secret": "\ud800"}) == ["\ud800"]
