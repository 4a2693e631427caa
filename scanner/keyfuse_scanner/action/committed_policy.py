"""The scan policy as a commit has it: whoever proposes a change does not say what is ignored.

The files that a policy names are written to a folder of ours and read from there as always.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from keyfuse_scanner import git
from keyfuse_scanner.errors import GitFailed, PolicyError
from keyfuse_scanner.git import Repository
from keyfuse_scanner.listings import tree_paths
from keyfuse_scanner.policy import Found, Policy, find_policy
from keyfuse_scanner.printable import harmless

_POLICIES = ("keyfuse.toml", "pyproject.toml")
# Nobody writes a policy, a list or a rule file of this size; what does not fit is an error.
_LARGEST = 32 * 1024 * 1024


def policy_at(repository: Repository, commit_id: str, folder: Path, root: Path) -> Found:
    """Return the policy that stands in the root of a commit.

    Args:
        repository: Where.
        commit_id: The commit.
        folder: An empty folder; files are written there.
        root: From where paths of findings are seen.

    Raises:
        PolicyError: the commit cannot be read, or its policy is wrong.
    """
    try:
        tree = tree_paths(repository, commit_id)
        for name in _POLICIES:
            _write(repository, tree, folder, name)
        # A folder of its own, so that no policy above it is taken for this one.
        (folder / ".git").touch()
        found = find_policy(folder)
        for name in _files(found.policy):
            _write(repository, tree, folder, name)
    except GitFailed as failure:
        raise PolicyError(f"its policy cannot be read: {failure}") from None
    return Found(found.policy, str(folder), str(root))


def _files(policy: Policy) -> Iterator[str]:
    """Yield what a policy names: its lists and its rule files."""
    yield from (policy.ignore_file, policy.baseline, *policy.rule_files)


def _write(repository: Repository, tree: Mapping[bytes, str], folder: Path, name: str) -> None:
    """Write a file, or all files of a folder, of a tree; what is not there is left out."""
    wanted = PurePosixPath(name)
    if wanted.is_absolute() or ".." in wanted.parts:
        raise PolicyError(f"{harmless(name)}: a policy names files of its own repository only")
    raw = str(wanted).encode("utf-8", "surrogateescape")
    for path, object_id in tree.items():
        if path == raw or path.startswith(raw + b"/"):
            _write_one(repository, object_id, folder / path.decode("utf-8", "surrogateescape"))


def _write_one(repository: Repository, object_id: str, file: Path) -> None:
    if int(git.run(repository, "cat-file", "-s", object_id)) > _LARGEST:
        raise PolicyError(f"{harmless(file.name)}: larger than {_LARGEST} bytes")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(git.run(repository, "cat-file", "blob", object_id))
