"""Catching up with the App's webhook: every missed delivery is asked for once at a time."""

from datetime import UTC, datetime, timedelta

import pytest

from keyfuse_store.times import SECOND
from keyfuse_webhook import catch_up
from keyfuse_webhook.catch_up import catch_up_job, catch_up_watch
from keyfuse_webhook.github_jobs import github_handlers
from keyfuse_webhook.jobs_model import TryAgain
from support.byhand import ByHand
from support.githubapi import Fault
from support.githubapi_routes import Answer
from support.webhook import eventually

JOB = catch_up_job(0)


@pytest.fixture
def jobs(settings, open_service, api):
    def start(**more):
        return ByHand(open_service(settings(**api.settings(**more))))

    return start


def delivery(number, minutes_ago, *, status=502, guid=None, event="push"):
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    return {"id": number, "guid": guid or f"g{number}", "delivered_at": at.isoformat(),
            "event": event, "status_code": status}  # fmt: skip


def asked(api):
    return [int(call.path.split("/")[4]) for call in api.did("POST", "/attempts")]


def test_missed_deliveries_are_asked_for_again_oldest_first(jobs, api):
    api.deliveries = [
        delivery(5, 0.1),
        delivery(4, 10),
        delivery(3, 20, status=202),
        delivery(2, 30, event="star"),
        delivery(1, 40, event="secret_scanning_alert"),
        delivery(0, 5000),
    ]
    outcome = jobs().run(JOB)
    assert asked(api) == [1, 4]
    assert outcome.reason == "5 deliveries listed, 2 asked for again"
    assert {call.permissions["app"] for call in api.asked} == {"write"}


def test_the_list_is_followed_by_cursor_and_no_address_is_fetched(jobs, api):
    api.deliveries = [delivery(number, 5 + number, status=200) for number in range(250)]
    api.deliveries.append(delivery(999, 600))
    assert jobs().run(JOB).reason == "251 deliveries listed, 1 asked for again"
    assert [call.query.get("cursor") for call in api.did("GET", "deliveries")] == [
        None, "100", "200",
    ]  # fmt: skip


def test_the_rest_is_for_the_next_time(jobs, api, monkeypatch):
    monkeypatch.setattr(catch_up, "_MOST_ASKED", 2)
    api.deliveries = [delivery(number, 10 + number) for number in range(5)]
    assert jobs().run(JOB).reason == "5 deliveries listed, 2 asked for again, 3 left"


def test_a_list_without_end_is_cut_off_and_that_is_said(jobs, api, monkeypatch):
    monkeypatch.setattr(catch_up, "_MOST_LISTED", 100)
    api.deliveries = [delivery(number, 10 + number, status=200) for number in range(150)]
    assert jobs().run(JOB).reason == "100 deliveries listed, none missed; the list goes on"


def test_a_delivery_that_github_does_not_make_again_is_counted(jobs, api):
    api.deliveries = [delivery(1, 10), delivery(2, 20)]
    api.faults.append(Fault("POST", "/attempts", Answer(422, {})))
    assert jobs().run(JOB).reason == "2 deliveries listed, 1 asked for again, 1 refused"


def test_nothing_missed_is_said(jobs, api):
    assert jobs().run(JOB).reason == "0 deliveries listed, none missed"


def test_limits_and_outages_pass_and_a_missing_app_is_said_once(jobs, api):
    service = jobs()
    for answer in (Answer(429, {}, {"Retry-After": "0"}), None):
        api.faults.append(Fault("GET", "deliveries", answer))
        with pytest.raises(TryAgain):
            service.run(JOB)
    api.faults.append(Fault("GET", "deliveries", Answer(404, {})))
    assert service.run(JOB).state == "failed"
    alone = jobs(KEYFUSE_GITHUB_APP_ID="", KEYFUSE_GITHUB_APP_PRIVATE_KEY="")
    assert "none is configured" in alone.run(JOB).reason


def test_however_many_services_watch_it_is_one_job(service):
    watches = [catch_up_watch(service.store, service.queue.enqueue) for _ in range(2)]
    for watch in watches:
        watch.start()
    eventually(service.queue.list)
    for watch in watches:
        watch.stop()
    kinds = [job.kind for job in service.queue.list()]
    assert set(kinds) == {"catch-up"}
    assert len(kinds) <= 2, "two only where ten minutes ended in between"
    assert "catch-up" in github_handlers(service.store, service.queue.enqueue)


def test_ten_minutes_are_one_job():
    minute = 60 * SECOND
    assert catch_up_job(0) == catch_up_job(10 * minute - 1) != catch_up_job(10 * minute)
