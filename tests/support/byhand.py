"""The jobs that GitHub's events make, run by hand: one after the other, in the test's own time."""

import asyncio
from typing import Any

from keyfuse_webhook.events import EVENTS
from keyfuse_webhook.github_jobs import github_handlers
from keyfuse_webhook.jobs_model import Job, Outcome
from keyfuse_webhook.webhook_delivery import Delivery


class ByHand:
    """A service without a worker.

    Attributes:
        waiting: What the last event's job enqueued.
    """

    def __init__(self, service: Any) -> None:
        self.service = service
        self.waiting: list[Job] = []
        self.handlers = github_handlers(service.store, lambda _, job: self.waiting.append(job))

    def event(self, event: str, payload: dict[str, Any], name: str = "1") -> Outcome:
        """Run the job of an event that comes from the App's installation."""
        job = EVENTS[event](Delivery(event, name, {"installation": {"id": 77}} | payload))
        assert isinstance(job, Job), job
        self.waiting.clear()
        return self.run(job)

    def push(self, payload: dict[str, Any], name: str = "1") -> list[Job]:
        """Run the job of a push; return the reports it enqueued."""
        self.event("push", payload, name)
        return [job for job in self.waiting if job.kind == "report"]

    def run(self, job: Job) -> Outcome:
        return asyncio.run(self.handlers[job.kind].attempt(job))
