"""The container, the compose file and the unit run keyfuse without root, and name what exists."""

import ast
import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from keyfuse_store.settings import _PARSERS
from support.project import KEYFUSE, PACKAGES, ROOT

DEPLOY = ROOT / "deploy"
OURS = ("upgrade", "public", "private", "worker")
HARDENED = {
    "DynamicUser": "yes",
    "NoNewPrivileges": "yes",
    "PrivateTmp": "yes",
    "ProtectHome": "yes",
    "ProtectSystem": "strict",
    "CapabilityBoundingSet": "",
}


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Containerfile and what each is given."""
    text = re.sub(r"\\\n\s*", " ", (DEPLOY / "Containerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def test_the_image_runs_as_nobody_special_and_says_how_it_is() -> None:
    given = instructions()
    last = max(number for number, (name, _) in enumerate(given) if name == "FROM")
    final = given[last:]
    assert [value for name, value in final if name == "USER"] == ["10001:10001"]
    after_user = final[[name for name, _ in final].index("USER") :]
    assert not {"RUN", "COPY", "ADD"} & {name for name, _ in after_user}
    (check,) = [value for name, value in given if name == "HEALTHCHECK"]
    command = ast.literal_eval(check[check.index("[") :])
    assert command[:2] == ["python", "-c"]
    compile(command[2], "healthcheck", "exec")
    assert "/healthz" in command[2]
    assert "ADD" not in dict(given)


def test_the_image_is_given_the_packages_and_no_more() -> None:
    allowed = (ROOT / ".containerignore").read_text("utf-8").split()
    roots = {f"!{package.removeprefix('keyfuse_')}" for package in PACKAGES}
    assert allowed[allowed.index("*")] == "*"
    assert {line for line in allowed if line.startswith("!")} == roots | {
        "!LICENSE",
        "!README.md",
        "!pyproject.toml",
    }


def test_base_images_are_named_with_their_version(compose: Any) -> None:
    images = [compose["services"][name]["image"] for name in ("postgres", "redis")]
    images.append(dict(instructions())["ARG"].partition("=")[2])
    for image in images:
        assert re.fullmatch(r"docker\.io/library/[a-z]+:[0-9][0-9a-z.-]+", image), image


@pytest.mark.parametrize("name", OURS)
def test_our_services_can_change_nothing_outside_of_their_data(compose: Any, name: str) -> None:
    service = compose["services"][name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["volumes"] == ["data:/data"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    upgraded = service["depends_on"].get("upgrade", {}).get("condition")
    assert name == "upgrade" or upgraded == "service_completed_successfully"


def test_what_keeps_data_is_reached_from_inside_alone(compose: Any) -> None:
    assert compose["networks"]["inside"]["internal"] is True
    for name in ("postgres", "redis"):
        service = compose["services"][name]
        assert service["networks"] == ["inside"]
        assert "ports" not in service


def test_every_setting_named_is_one(compose: Any) -> None:
    known = {f"KEYFUSE_{name.upper()}" for name in _PARSERS}
    named = set(compose["services"]["private"]["environment"])
    named |= {name for _, value in instructions() for name in re.findall(r"KEYFUSE_[A-Z_]+", value)}
    named |= set(re.findall(r"KEYFUSE_[A-Z_]+(?==)", (DEPLOY / "keyfuse.service").read_text()))
    assert len(named) > 5
    assert named - known == set()


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one(compose: Any, name: str) -> None:
    command = compose["services"][name]["command"]
    words = [word for word in command if re.fullmatch("[a-z]+", word) and word not in ROLES]
    done = subprocess.run([KEYFUSE, *words, "--help"], capture_output=True, text=True, check=True)
    for option in (word for word in command if word.startswith("--")):
        assert option in done.stdout


ROLES = ("public", "private")


def unit() -> ConfigParser:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string((DEPLOY / "keyfuse.service").read_text("utf-8"))
    return parser


def test_the_unit_is_held_to_its_state() -> None:
    service = unit()["Service"]
    assert {name: service[name] for name in HARDENED} == HARDENED
    assert f"/var/lib/{service['StateDirectory']}" in service["Environment"]
    assert service["ExecStart"].split()[1] == "serve"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    text = (DEPLOY / "keyfuse.service").read_text("utf-8")
    here = tmp_path / "keyfuse.service"
    here.write_text(text.replace("/opt/keyfuse/bin/keyfuse", "/bin/true"))
    command = ["systemd-analyze", "verify", str(here)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
