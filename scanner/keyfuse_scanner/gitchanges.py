"""Changes in `--raw -z` output of git, and what stands between NUL bytes. Pure."""

from collections.abc import Iterable, Iterator
from typing import IO, NamedTuple

GITLINK = b"160000"
LOG_FORMAT = "%H %at %an <%ae>"


class Change(NamedTuple):
    """One entry of `--raw -z`: what a path was and is.

    `old_id` and `new_id` are None where the path did not or does not exist, or is not merged.
    """

    old_id: str | None
    new_id: str | None
    new_mode: bytes
    status: bytes
    path: bytes


class LogCommit(NamedTuple):
    """The head of one commit, or of one parent's side of a merge, in `LOG_FORMAT`."""

    commit_id: str
    author: bytes
    when: int | None


def zsplit(printed: bytes) -> list[bytes]:
    """Return what stands before each NUL byte of `-z` output."""
    return printed.split(b"\0")[:-1]


def read_tokens(stdout: IO[bytes], piece: int = 1 << 20) -> Iterator[bytes]:
    """Yield what stands between NUL bytes; what follows the last one counts if not empty."""
    rest = b""
    while data := stdout.read(piece):
        *tokens, rest = (rest + data).split(b"\0")
        yield from tokens
    if rest:
        yield rest


def parse_changes(tokens: Iterable[bytes]) -> Iterator[Change | LogCommit]:
    """Yield the heads (for `git log`) and the changes of `--raw -z --no-renames` output.

    A path stands alone in the token after its change, so no name is taken for anything else.
    """
    iterator = iter(tokens)
    for raw in iterator:
        token = raw.lstrip(b"\n")
        if token.startswith(b":"):
            _, new_mode, old_id, new_id, status = token.split(b" ")
            path = next(iterator, b"")
            yield Change(_object_id(old_id), _object_id(new_id), new_mode, status, path)
        elif token:
            commit_id, when, author = token.split(b" ", 2)
            yield LogCommit(commit_id.decode("ascii"), author, int(when) if when else None)


def _object_id(raw: bytes) -> str | None:
    return None if raw.strip(b"0") == b"" else raw.decode("ascii")
