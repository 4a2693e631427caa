"""`GET /metrics`: for Prometheus, in the private half."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from keyfuse_webhook import metrics
from keyfuse_webhook.alerts_endpoint import NO_DATABASE
from keyfuse_webhook.jobs import JobQueue, JobsUnavailable
from keyfuse_webhook.problem import problem


class MetricsPage:
    """Shows the metrics of this process, and the jobs of the database."""

    def __init__(self, jobs: JobQueue | None) -> None:
        self._count = None if jobs is None else jobs.count

    async def show(self, _request: Request) -> Response:
        """The page; 503 where the database does not say how many jobs there are."""
        try:
            text, kind = await asyncio.to_thread(metrics.page, self._count)
        except JobsUnavailable:
            return problem(NO_DATABASE)
        return Response(text, headers={"Content-Type": kind})
