"""Each kind of target for real, but GitHub, and a way to make it fail."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from keyfuse_store.settings import Settings
from keyfuse_webhook.mail_sink import MailSink
from keyfuse_webhook.notifiers import NOTIFIERS, Notifier
from support.githubapi import StandInApi
from support.http_sink import HttpSink
from support.notices import SECRETS


class Target(NamedTuple):
    """A notifier and what it talks to.

    Attributes:
        received: What has come, as text in the clear.
        fail: Answer with trouble that passes (True) or that stays (False); None to be well.
    """

    notifier: Notifier
    received: Callable[[], list[str]]
    fail: Callable[[bool | None], None]


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    return lambda **environ: Settings.load({"KEYFUSE_HOME": str(tmp_path), **environ})


@pytest.fixture
def open_one(settings: Callable[..., Settings]) -> Callable[..., Any]:
    """A notifier by its name, from settings."""
    return lambda name, **environ: NOTIFIERS[name](settings(**environ))


@pytest.fixture
def mail(open_one: Callable[..., Notifier]) -> Iterator[Target]:
    with MailSink() as sink:
        answers = {None: "250 kept", True: "451 later", False: "550 no such user"}

        def fail(passes: bool | None) -> None:
            sink.answer = lambda _: answers[passes]

        yield Target(
            open_one("mail", KEYFUSE_SMTP_URL=sink.url),
            lambda: [
                "\n".join(
                    [*(f"{name}: {value}" for name, value in one.items())]
                    + [part.get_content() for part in one.iter_parts()]
                )
                for one in sink.mails
            ],
            fail,
        )


@pytest.fixture
def http() -> Iterator[HttpSink]:
    with HttpSink() as sink:
        yield sink


def _fail(http: HttpSink) -> Callable[[bool | None], None]:
    answers: dict[bool | None, int] = {None: 200, True: 503, False: 403}

    def fail(passes: bool | None) -> None:
        http.answer = lambda _: (answers[passes], {})

    return fail


def _taken(http: HttpSink) -> list[str]:
    """The JSON that was taken, unescaped."""
    return [json.dumps(json.loads(one.body), ensure_ascii=False) for one in http.taken]


@pytest.fixture
def slack(open_one: Callable[..., Notifier], http: HttpSink) -> Target:
    opened = open_one("slack", KEYFUSE_SLACK_WEBHOOK_URL=http.url)
    return Target(opened, lambda: _taken(http), _fail(http))


@pytest.fixture
def webhook(open_one: Callable[..., Notifier], http: HttpSink) -> Target:
    opened = open_one(
        "webhook",
        KEYFUSE_NOTIFY_WEBHOOK_URL=http.url,
        KEYFUSE_NOTIFY_WEBHOOK_SECRET=",".join(SECRETS),
    )
    return Target(opened, lambda: _taken(http), _fail(http))


@pytest.fixture
def api() -> Iterator[StandInApi]:
    with StandInApi().running() as api:
        yield api


@pytest.fixture
def github_issue(open_one: Callable[..., Notifier], api: StandInApi) -> Target:
    opened = open_one(
        "github-issue", **api.settings(KEYFUSE_NOTIFY_GITHUB_REPOSITORY="acme/security")
    )

    def fail(passes: bool | None) -> None:
        api.status = None if passes is None else 502 if passes else 404

    return Target(opened, lambda: [f"{one['title']}\n{one['body']}" for one in api.issues], fail)


@pytest.fixture(params=[*NOTIFIERS])
def target(request: pytest.FixtureRequest) -> Target:
    """Every kind of target, one after the other."""
    found: Target = request.getfixturevalue(request.param.replace("-", "_"))
    return found
