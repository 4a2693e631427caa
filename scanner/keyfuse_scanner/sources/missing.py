"""What history names and the repository lacks; git is asked, and only as far as need be."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from keyfuse_scanner import gitstreams
from keyfuse_scanner.errors import GitFailed
from keyfuse_scanner.git import Repository
from keyfuse_scanner.gitstreams import Printed
from keyfuse_scanner.memory import Walked
from keyfuse_scanner.sources.revisions import missing_objects
from keyfuse_scanner.sources.roots import Roots

_ALL_OBJECTS = ("--objects", "--missing=print", "--all", "--reflog", "--indexed-objects")


class Answer(NamedTuple):
    """What is missing, and why git broke off, or None."""

    walked: Walked
    failure: GitFailed | None = None


@contextmanager
def missing(
    repository: Repository, reached: Roots, before: Walked | None = None
) -> Iterator[Callable[[], Answer]]:
    """Look for what is missing while other work is done.

    What is yielded waits for git and returns its answer.

    Args:
        repository: Where.
        reached: From where its history is reached.
        before: What was missing last time; None unless all that was there then still is.
    """
    if before is not None and before.state == reached.state:
        yield lambda: Answer(before)
        return
    arguments: tuple[str, ...] = _ALL_OBJECTS
    feed = ""
    if before is not None and before.tips and not before.missing:
        arguments = (*_ALL_OBJECTS, "--stdin")
        feed = "".join(f"^{tip}\n" for tip in before.tips)
    with gitstreams.beside(repository, "rev-list", "--quiet", *arguments, feed=feed) as finish:

        def answer() -> Answer:
            printed = finish()
            if printed.failure and arguments != _ALL_OBJECTS:
                # Not all that was taken for granted is there.
                with gitstreams.beside(repository, "rev-list", "--quiet", *_ALL_OBJECTS) as again:
                    printed = again()
            return _answer(printed, reached)

        yield answer


def _answer(printed: Printed, reached: Roots) -> Answer:
    lacking = missing_objects(printed.stdout.decode("ascii").split("\n"))
    told = tuple((each.reason, each.object_id) for each in lacking)
    return Answer(Walked(reached.state, reached.tips, told), printed.failure)
