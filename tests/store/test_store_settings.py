"""Settings: where they come from, which one wins, and how a wrong one is named."""

import os
from pathlib import Path

import pytest

from keyfuse_rules import Secret
from keyfuse_store.errors import SettingsError
from keyfuse_store.keytypes import KeyType, Legacy
from keyfuse_store.settings import Settings, unknown_variables


def load(text: str, tmp_path: Path, **environ: str) -> Settings:
    file = tmp_path / "service.toml"
    file.write_text(text)
    return Settings.load({"KEYFUSE_CONFIG": str(file), **environ})


def test_with_nothing_configured_everything_is_embedded(tmp_path: Path) -> None:
    settings = Settings.load({})
    assert settings.home.name == "keyfuse"
    assert settings.database_url == f"sqlite:///{settings.home}/keyfuse.db"
    assert (settings.limits, settings.dry_run, settings.open_verify) == ("process", False, False)
    assert settings.max_body == 25 * 1024 * 1024
    assert settings.key_type("acme_live") == KeyType("acme_live")


def test_the_process_environment_is_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KEYFUSE_HOME", str(tmp_path))
    assert Settings.load().home == tmp_path


def test_flags_win_over_environment_over_file(tmp_path: Path) -> None:
    text = "base_url = 'https://file.example'\nmax_body = '2MiB'\ngithub_app_id = 42\n"
    settings = load(text, tmp_path, KEYFUSE_BASE_URL="https://environment.example/")
    assert settings.base_url == "https://environment.example"
    assert settings.max_body == 2 * 1024 * 1024
    assert settings.github_app_id == "42"
    flagged = Settings.load(
        {"KEYFUSE_DATABASE_URL": "sqlite:///a.db"},
        flags={"database_url": "sqlite:///b.db", "home": None},
    )
    assert flagged.database_url == "sqlite:///b.db"
    empty = load(text, tmp_path, KEYFUSE_BASE_URL="")
    assert empty.base_url == "https://file.example"


def test_every_setting_can_be_set(tmp_path: Path) -> None:
    settings = Settings.load(
        {
            "KEYFUSE_HOME": "~/data",
            "KEYFUSE_REDIS_URL": "redis://localhost",
            "KEYFUSE_PEPPER_FILE": "peppers.txt",
            "KEYFUSE_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1",
            "KEYFUSE_LIMITS": "database",
            "KEYFUSE_DRY_RUN": "yes",
            "KEYFUSE_OPEN_VERIFY": "0",
            "KEYFUSE_GITHUB_WEBHOOK_SECRETS": "one, two",
            "KEYFUSE_GITHUB_API_URL": "http://127.0.0.1:99/api/",
            "KEYFUSE_SMTP_URL": "smtps://user:word@mail.example.com:465",
            "KEYFUSE_MAIL_FROM": "keyfuse <keys@example.com>",
            "KEYFUSE_FALLBACK_OWNER": "ops@example.com",
            "KEYFUSE_SLACK_WEBHOOK_URL": "https://hooks.example.com/word",
        }
    )
    assert settings.home == Path(os.environ["HOME"]) / "data"
    assert settings.pepper_file == Path("peppers.txt").absolute()
    assert settings.trusted_proxies == ("10.0.0.0/8", "192.0.2.1/32")
    assert (settings.limits, settings.dry_run, settings.open_verify) == ("database", True, False)
    assert settings.github_webhook_secrets == (Secret("one"), Secret("two"))
    assert settings.github_api_url == "http://127.0.0.1:99/api"
    assert settings.smtp_url == Secret("smtps://user:word@mail.example.com:465")
    assert settings.mail_from == "keyfuse <keys@example.com>"
    assert "word" not in repr(settings)


def test_variables_that_are_no_settings_are_named() -> None:
    environ = {
        "KEYFUSE_HOME": "x",
        "KEYFUSE_CONFIG": "x",
        "KEYFUSE_API_KEY_FILE": "x",
        "KEYFUSE_GITHUB_WEBHOOK_SECRETS_FILE": "x",
        "KEYFUSE_SERVICE_HOST": "10.0.0.1",
        "KEYFUSE_PORT": "tcp://10.0.0.1:8787",
        "HOME": "x",
        "KEYFUSE_TRUSTED_PROXY": "x",
        "KEYFUSE_DRYRUN": "true",
    }
    assert unknown_variables(environ) == ["KEYFUSE_DRYRUN", "KEYFUSE_TRUSTED_PROXY"]


def test_lists_and_switches_in_a_file_are_toml(tmp_path: Path) -> None:
    settings = load(
        "trusted_proxies = ['10.0.0.0/8']\ngithub_webhook_secrets = ['a', 'b']\ndry_run = true\n",
        tmp_path,
    )
    assert settings.trusted_proxies == ("10.0.0.0/8",)
    assert settings.github_webhook_secrets == (Secret("a"), Secret("b"))
    assert settings.dry_run is True


def test_secrets_may_stand_in_files_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("-----BEGIN X-----\nabc\n")
    named = {"KEYFUSE_GITHUB_APP_PRIVATE_KEY_FILE": str(tmp_path / "key.pem")}
    assert Settings.load(named).github_app_private_key == Secret("-----BEGIN X-----\nabc")
    with pytest.raises(SettingsError, match="give one of them"):
        Settings.load({**named, "KEYFUSE_GITHUB_APP_PRIVATE_KEY": "x"})
    with pytest.raises(SettingsError, match="No such file"):
        Settings.load({"KEYFUSE_GITHUB_APP_PRIVATE_KEY_FILE": str(tmp_path / "none")})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOME", "a\0b"),
        ("LIMITS", "hidden"),
        ("DRY_RUN", "hidden"),
        ("MAX_BODY", "hidden"),
        ("MAX_BODY", "0"),
        ("MANAGEMENT_RATE", "hidden"),
        ("MANAGEMENT_RATE", "a=1/second, b=2/minute"),
        ("BASE_URL", "hidden"),
        ("BASE_URL", "https://user:hidden@example.com"),
        ("BASE_URL", "https://example.com:hidden"),
        ("TRUSTED_PROXIES", "hidden"),
        ("SMTP_URL", "https://hidden"),
        ("SLACK_WEBHOOK_URL", "hidden"),
        ("MAIL_FROM", "hidden"),
        ("FALLBACK_OWNER", "keyfuse <hidden@example.com>"),
        ("GITHUB_WEBHOOK_SECRETS", "hidden,,"),
        ("PEPPERS", " "),
    ],
)
def test_a_wrong_setting_is_named_with_its_place_and_without_its_value(
    name: str, value: str
) -> None:
    with pytest.raises(SettingsError) as error:
        Settings.load({f"KEYFUSE_{name}": value})
    assert str(error.value).startswith(f"KEYFUSE_{name} in the environment: ")
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 'red'", "colour in .*: no such setting"),
        ("dry_run = 'maybe'", "dry_run in .*service.toml: must be true"),
        ("dry_run = 7", "must be true or false"),
        ("limits = 7", "must be one of"),
        ("trusted_proxies = 7", "must be a list"),
        ("management_rate = 7", "must be a rate limit"),
        ("github_webhook_secrets = []", "must be a list"),
        ("notify_webhook_secret = 7", "must be a list"),
        ("a = = b", "is not TOML"),
        ("key_types = 7", r"\[\[key_types\]\]"),
        ("key_types = [7]", "must be a table"),
        ("[[key_types]]\non_leak = 'revoke'", "prefix is missing"),
        ("[[key_types]]\nprefix = 'ghp'", "another provider"),
        ("[[key_types]]\nprefix = 'a'\n[[key_types]]\nprefix = 'a'", "declared twice"),
        ("[[key_types]]\nprefix = 'a'\ncolour = 1", "colour is not known"),
        ("[[key_types]]\nprefix = 'a'\non_leak = 'panic'", "on_leak must be one of"),
        ("[[key_types]]\nprefix = 'a'\non_leak = 'quarantine'", "needs quarantine_scopes"),
        ("[[key_types]]\nprefix = 'a'\nquarantine_scopes = 'b:c'", "must be a list"),
        ("[[key_types]]\nprefix = 'a'\nquarantine_scopes = ['b']", "resource:action"),
        ("[[key_types]]\nprefix = 'a'\npublishable = 1", "true or false"),
        ("[[key_types]]\nprefix = 'a'\npublishable = true\non_leak = 'revoke'", "publishable"),
        (
            "[[key_types]]\nprefix = 'a'\npublishable = true\non_leak_private = 'revoke'",
            "publishable",
        ),
        ("[[key_types]]\nprefix = 'a'\nlegacy = 'x'", "legacy needs pattern and hash"),
        ("[[key_types]]\nprefix = 'a'\nlegacy = {pattern = '(', hash = 'sha256'}", "no regular"),
        ("[[key_types]]\nprefix = 'a'\nlegacy = {pattern = 'x', hash = 'md5'}", "legacy.hash"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load(text, tmp_path)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml cannot be read"):
        Settings.load({}, config_file=tmp_path / "none.toml")
    (tmp_path / "odd.toml").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="not UTF-8"):
        Settings.load({}, config_file=tmp_path / "odd.toml")


def test_key_types(tmp_path: Path) -> None:
    settings = load(
        """
        [[key_types]]
        prefix = "acme_live"
        on_leak = "quarantine"
        quarantine_scopes = ["invoices:read"]
        [[key_types]]
        prefix = "acme_pk_live"
        publishable = true
        [[key_types]]
        prefix = "acme_old"
        on_leak_private = "notify"
        legacy = { pattern = "old-[0-9a-f]{40}", hash = "sha256" }
        """,
        tmp_path,
    )
    live = settings.key_type("acme_live")
    assert (live.on_leak, live.on_leak_private) == ("quarantine", "quarantine")
    assert live.quarantine_scopes == ("invoices:read",)
    assert settings.key_type("acme_pk_live").on_leak == "notify", "public on purpose"
    old = settings.key_type("acme_old")
    assert (old.on_leak, old.on_leak_private) == ("revoke", "notify")
    assert old.legacy == Legacy("old-[0-9a-f]{40}", "sha256")
