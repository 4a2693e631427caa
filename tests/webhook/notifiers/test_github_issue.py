"""Issues: one for each notice, and nothing of others is markup in them."""

import pytest

from keyfuse_webhook.jobs_model import TryAgain
from keyfuse_webhook.message import Place
from support.githubapi import Fault
from support.githubapi_routes import Answer
from support.notices import EVIL, leaked, notice


def test_issue_is_opened_once_though_its_answer_was_lost(github_issue, api):
    api.faults.append(Fault("POST", "/issues", Answer(502, {}), after=True))
    with pytest.raises(TryAgain):
        github_issue.notifier.deliver(notice())
    assert github_issue.notifier.deliver(notice()).reason == "the issue was there already"
    github_issue.notifier.deliver(notice(id="notify-another"))
    assert len(api.issues) == 2


def test_app_asks_for_no_more_than_issues(github_issue, api):
    github_issue.notifier.deliver(notice())
    assert [body["permissions"] for _, body in api.calls] == [{"issues": "write"}]
    assert {call.path for call in api.did("POST", "/issues")} == {"/repos/acme/security/issues"}


def test_text_of_others_stands_in_code_spans(github_issue, api):
    key = leaked(name=EVIL, places=(Place(EVIL, EVIL, EVIL),), scopes=(EVIL,))
    github_issue.notifier.deliver(notice(key))
    (issue,) = api.issues
    assert "@" not in issue["title"]
    for line in issue["body"].splitlines():
        outside = "".join(line.split("`")[::2])
        assert "everyone" not in outside
        assert "http" not in outside
        assert line.count("`") % 2 == 0


def test_installation_that_is_gone_is_undeliverable(github_issue, api):
    api.faults.append(Fault("GET", "/installation", Answer(404, {})))
    outcome = github_issue.notifier.deliver(notice())
    assert outcome.state == "undeliverable"
    assert "404" in outcome.reason


@pytest.mark.parametrize("document", [[], {}, {"id": "7"}, {"id": True}])
def test_installation_that_is_none_is_asked_for_again(github_issue, api, document):
    api.faults.append(Fault("GET", "/installation", Answer(200, document)))
    with pytest.raises(TryAgain):
        github_issue.notifier.deliver(notice())
