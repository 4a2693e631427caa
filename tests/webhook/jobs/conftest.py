"""A database for jobs of both kinds, a queue on it, and workers in this process and in others."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keyfuse_webhook.jobs import JobQueue, JobWorker
from keyfuse_webhook.jobs_model import Handler, Job, Outcome, TryAgain
from support.backends import BACKENDS
from support.postgres import postgres_server

Put = Callable[..., None]


class Recorder:
    """A handler that remembers its calls and does as it is told."""

    def __init__(self) -> None:
        self.attempts: list[str] = []
        self.concluded: list[tuple[str, Outcome]] = []
        self.fail: dict[str, int] = {}
        self.outcome = Outcome("done", "as told")

    async def attempt(self, job: Job) -> Outcome:
        self.attempts.append(job.id)
        if self.fail.get(job.id, 0) > self.attempts.count(job.id) - 1:
            raise TryAgain("not yet") if job.id.startswith("later") else RuntimeError("a bug")
        return self.outcome

    async def conclude(self, job: Job, outcome: Outcome) -> None:
        self.concluded.append((job.id, outcome))


class OtherWorkers:
    """Workers in processes of their own; `support.job_worker` says what they do."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "support.job_worker", self._url, str(self.folder)]
        with (self.folder / "output").open("ab") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=output, cwd=Path(__file__).parents[2]
            )
        self.processes.append(process)
        return process

    def hold(self, job_id: str) -> None:
        """Let attempts at a job go on until `release`."""
        (self.folder / f"hold-{job_id}").touch()

    def release(self, job_id: str) -> None:
        (self.folder / f"hold-{job_id}").unlink()

    def log(self) -> list[list[str]]:
        """What was done, as words: the process, the job, `begins` or `ends`."""
        path = self.folder / "log"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def done(self, what: str = "ends") -> list[str]:
        return [job for _, job, word in self.log() if word == what]

    def ended(self, process: "subprocess.Popen[bytes]") -> int:
        """The exit code of one that was told to end; what all of them wrote, if it does not."""
        try:
            return process.wait(30)
        except subprocess.TimeoutExpired:
            pytest.fail((self.folder / "output").read_text())

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'jobs.db'}"
        return
    with postgres_server().database() as url:
        yield url


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    yield engine
    engine.dispose()


@pytest.fixture
def queue(url: str) -> Iterator[JobQueue]:
    queue = JobQueue(url)
    yield queue
    queue.close()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def start(url: str, queue: JobQueue, recorder: Recorder) -> Iterator[Callable[..., JobWorker]]:
    running: list[JobWorker] = []

    def begin(**options: Any) -> JobWorker:
        handler = Handler(recorder.attempt, recorder.conclude)
        running.append(JobWorker(url, {"tell": handler}, **options))
        running[-1].start()
        return running[-1]

    yield begin
    for worker in running:
        worker.stop()


@pytest.fixture
def put(engine: sa.Engine, queue: JobQueue) -> Put:
    """Enqueue jobs, all in one transaction."""

    def enqueue(*names: str, line: str = "one") -> None:
        with engine.begin() as connection:
            for name in names:
                queue.enqueue(connection, Job(name, "tell", ("id-1", "id-2"), line))

    return enqueue


@pytest.fixture
def others(url: str, tmp_path: Path) -> Iterator[OtherWorkers]:
    folder = tmp_path / "others"
    folder.mkdir()
    workers = OtherWorkers(url, folder)
    yield workers
    workers.end()
