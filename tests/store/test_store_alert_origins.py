"""Further origins of alerts, as the settings name them."""

from pathlib import Path

import pytest

from keyfuse_store.alert_origins import AlertOrigin
from keyfuse_store.errors import SettingsError
from keyfuse_store.settings import Settings

GOOD = """
[[origins]]
name = "deps.dev"
id_header = "GOSST-PUBLIC-KEY-IDENTIFIER"
signature_header = "GOSST-PUBLIC-KEY-SIGNATURE"
keys_url = "https://keys.example/list"
"""


def load(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "keyfuse.toml"
    file.write_text(text)
    return Settings.load({}, config_file=file)


def test_origin_is_read_with_its_headers_in_lower_case(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD).origins == (
        AlertOrigin(
            "deps.dev",
            "gosst-public-key-identifier",
            "gosst-public-key-signature",
            "https://keys.example/list",
        ),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("origins = 7", "must be tables"),
        ("origins = [7]", "needs id_header"),
        (GOOD.replace("keys_url", "url"), "needs id_header"),
        (GOOD + "enabled = true", "nothing else"),
        (GOOD.replace("deps.dev", "github"), "taken"),
        (GOOD.replace("deps.dev", "two words"), "name is none"),
        (GOOD.replace("-SIGNATURE", ": x"), "signature_header is none"),
        (GOOD.replace("-SIGNATURE", "-IDENTIFIER"), "are the same"),
        (GOOD.replace("https://keys.example/list", "ftp://x"), "must be a URL"),
        (GOOD + GOOD, "two have the same name"),
        (GOOD + GOOD.replace("deps.dev", "other"), "two have the same id_header"),
        ("disabled_origins = 7", "must be a list"),
        ("alert_feedback = 'both'", "must be one of hash, raw"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load(tmp_path, text)


def test_origins_are_switched_off_by_name() -> None:
    assert Settings.load({"KEYFUSE_DISABLED_ORIGINS": "github, deps.dev"}).disabled_origins == (
        "github",
        "deps.dev",
    )
