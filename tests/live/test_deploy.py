"""The container and compose files, as linters that are not ours see them."""

from support.live import run
from support.project import ROOT


def test_hadolint_has_nothing_to_say() -> None:
    done = run("hadolint", ROOT / "deploy" / "Containerfile")
    assert (done.code, done.out) == (0, "")


def test_compose_files_are_as_their_schema_says() -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    done = run("check-jsonschema", *schema, ROOT / "deploy" / "compose.yaml")
    assert done.code == 0, done.out
