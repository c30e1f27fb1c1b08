"""Settings: where they come from, what wins, and the sentences when something is wrong."""

import os
import pickle
import re
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.settings import SECRETS, Secret, default_settings, env_file, load_settings, packaged_config

NONE: dict[str, str] = {}


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def config(text: str) -> Path:
    path = Path("config.toml").absolute()
    path.write_text(text, "utf-8")
    return path


def refusal(text: str = "", environ: dict[str, str] | None = None) -> str:
    path = config(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(path, environ or {})
    return str(caught.value).replace(f"{path}: ", "")


def test_the_defaults_are_the_packaged_file() -> None:
    settings = load_settings(environ=NONE)
    assert settings == default_settings()
    assert settings.checks.max_bytes == 20 * 1024 * 1024
    assert settings.web.host == "127.0.0.1" and settings.web.port == 8080
    assert not settings.secrets()


def test_every_default_has_a_line_of_explanation() -> None:
    lines = [line for line in packaged_config().read_text("utf-8").splitlines() if re.match(r"\w+ = ", line)]
    assert len(lines) > 30
    for line in lines:
        assert "#" in line or line.startswith("per_chat_per_minute"), line


def test_own_file_then_env_file_then_environment() -> None:
    path = config("[checks]\nqueue = 1\nbatch = 2\ncache = 3\n")
    env_file(path).write_text("CANDID_CHECKS__BATCH=20\nCANDID_CHECKS__CACHE=30\n")
    checks = load_settings(path, {"CANDID_CHECKS__CACHE": "300"}).checks
    assert (checks.queue, checks.batch, checks.cache) == (1, 20, 300)


def test_a_config_in_the_working_folder_is_found() -> None:
    config("[log]\nformat = 'json'\n")
    assert load_settings(environ=NONE).log.format == "json"


@pytest.mark.parametrize(
    ("name", "text", "section", "key", "value"),
    [
        ("CANDID_WEB__ENABLED", "false", "web", "enabled", False),
        ("CANDID_WEB__ENABLED", "Yes", "web", "enabled", True),
        ("CANDID_WEB__PORT", "0", "web", "port", 0),
        ("CANDID_CHECKS__DECODE_SECONDS", "3", "checks", "decode_seconds", 3.0),
        ("CANDID_LOG__LEVEL", "debug", "log", "level", "debug"),
        ("CANDID_STORE__PATH", "/data/candid.sqlite3", "store", "path", "/data/candid.sqlite3"),
    ],
)
def test_environment_values(name: str, text: str, section: str, key: str, value: object) -> None:
    assert getattr(getattr(load_settings(environ={name: text}), section), key) == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[checks]\nqueu = 3", "[checks] queu is unknown. Did you mean queue?"),
        ("[check]\nqueue = 3", "[check] is unknown. Did you mean checks?"),
        ("[web]\nzzzzzz = 3", "[web] zzzzzz is unknown. There are: enabled, host, metrics, port, proxy."),
        ("queue = 3", "queue stands outside of a [section]."),
        ("[checks]\nqueue = '3'", '[checks] queue: found "3", accepted is a whole number from 1 to 100_000.'),
        ("[checks]\nqueue = true", "[checks] queue: found true, accepted is a whole number from 1 to 100_000."),
        ("[checks]\nqueue = 3.0", "[checks] queue: found 3.0, accepted is a whole number from 1 to 100_000."),
        ("[checks]\nqueue = 0", "[checks] queue: found 0, accepted is a whole number from 1 to 100_000."),
        ("[checks]\ndecode_seconds = nan", "[checks] decode_seconds: found nan, accepted is a number from 0.1 to 600."),
        ("[web]\nenabled = 1", "[web] enabled: found 1, accepted is true or false."),
        ("[web]\nhost = 1", "[web] host: found 1, accepted is text in quotes."),
        ("[log]\nformat = 'xml'", '[log] format: found "xml", accepted is "human" or "json".'),
        ("[web]\nport = 65536", "[web] port: found 65536, accepted is a whole number from 0 to 65_535."),
    ],
)
def test_a_wrong_line_is_refused_with_its_path(text: str, says: str) -> None:
    assert refusal(text) == says


def test_a_file_that_is_not_toml() -> None:
    assert "line 2" in refusal("[web]\nport =\n")


def test_a_file_that_is_not_text() -> None:
    Path("config.toml").write_bytes(b"\xff\xfe[\0w\0")
    with pytest.raises(SettingsError, match=r"^config\.toml can't be read: it is not text in UTF-8\.$"):
        load_settings(environ=NONE)


def test_a_folder_in_place_of_a_file() -> None:
    Path("etc").mkdir()
    with pytest.raises(SettingsError, match=r"^etc: that is a folder; name a file of settings\.$"):
        load_settings(Path("etc"), NONE)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml: there is no such file"):
        load_settings(Path("nowhere.toml"), NONE)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("CANDID_WEB__PROT", "1", "CANDID_WEB__PROT is unknown. Did you mean CANDID_WEB__PORT?"),
        ("CANDID_WEB__PORT", "x", 'CANDID_WEB__PORT: found "x", accepted is a whole number from 0 to 65_535.'),
        ("CANDID_WEB__ENABLED", "perhaps", 'CANDID_WEB__ENABLED: found "perhaps", accepted is true or false.'),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(name: str, text: str, says: str) -> None:
    assert refusal(environ={name: text}) == says


def test_variables_of_others_do_no_harm() -> None:
    load_settings(environ={"CANDID_PORT": "tcp://10.0.0.1", "CANDID_SERVICE_HOST": "10.0.0.1", "PATH": "/bin"})


# Secrets


def test_secrets_do_not_show() -> None:
    one = Secret("s3cr3t")
    assert f"{one} {one!r} {[one]}" == "*** *** [***]"
    assert one and not Secret() and one.reveal() == "s3cr3t"
    assert one == Secret("s3cr3t") and one != Secret("other") and len({one, Secret("s3cr3t")}) == 1
    with pytest.raises(TypeError):
        pickle.dumps(one)
    assert "s3cr3t" not in repr(load_settings(environ={"DISCORD_TOKEN": "s3cr3t"}))


@pytest.mark.parametrize(("at", "name"), SECRETS.items())
def test_each_secret_comes_from_the_environment_or_a_file(at: tuple[str, str], name: str) -> None:
    before = {"REDIS_URL": "redis://", "DATABASE_URL": "postgresql://"}.get(name, "")  # these are addresses
    Path("secret").write_text(f"{before}from-file\n")
    for environ, value in (({name: f" {before}plain "}, "plain"), ({f"{name}_FILE": "secret"}, "from-file")):
        expected = before + value
        settings = load_settings(environ=environ)
        assert getattr(getattr(settings, at[0]), at[1]) == Secret(expected)
        assert settings.secrets() == (Secret(expected),)


def test_the_environment_beats_the_env_file() -> None:
    Path("a").write_text("from-environment-file")
    Path(".env").write_text("DISCORD_TOKEN='from dotenv'\n".replace(" ", "-") + "TELEGRAM_TOKEN=t # mine\n# a remark\n")
    assert load_settings(environ=NONE).discord.token == Secret("from-dotenv")
    settings = load_settings(environ={"DISCORD_TOKEN_FILE": "a"})
    assert settings.discord.token == Secret("from-environment-file")
    assert settings.telegram.token == Secret("t")


def test_an_empty_secret_file_means_not_configured() -> None:
    Path("empty").write_text("\n")
    assert not load_settings(environ={"DISCORD_TOKEN_FILE": "empty"}).discord.token


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"WEB_TOKEN": "a", "WEB_TOKEN_FILE": "b"}, "WEB_TOKEN and WEB_TOKEN_FILE are both set; keep one of them."),
        ({"WEB_TOKEN_FILE": "b"}, "WEB_TOKEN_FILE: b can't be read: there is no such file or folder."),
        ({"WEB_TOKEN": "a b"}, "WEB_TOKEN: has spaces or line breaks in it, accepted is the bare token."),
        (
            {"CANDID_WEB__TOKEN": "a"},
            "CANDID_WEB__TOKEN is a secret: put it in the environment as WEB_TOKEN, or into a file that WEB_TOKEN_FILE "
            "names.",
        ),
    ],
)
def test_wrong_secrets(environ: dict[str, str], says: str) -> None:
    assert refusal(environ=environ) == says


def test_a_secret_in_the_config_is_refused_and_not_repeated() -> None:
    says = refusal("[discord]\ntoken = 'MTIz.abc'")
    assert says.startswith("[discord] token is a secret: put it in the environment as DISCORD_TOKEN")
    assert "MTIz" not in says


def test_a_torn_env_file_does_not_show_its_line() -> None:
    Path(".env").write_text("ok=1\nsecret words\n")
    with pytest.raises(SettingsError, match=r"\.env, line 2: not understood") as caught:
        load_settings(environ=NONE)
    assert "words" not in str(caught.value)


# Rules between settings


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "candid.example.org"])
def test_an_open_host_requires_a_token(host: str) -> None:
    says = refusal(f"[web]\nhost = '{host}'")
    assert host in says and "WEB_TOKEN" in says
    config(f"[web]\nhost = '{host}'")
    assert load_settings(environ={"WEB_TOKEN": "t"}).web.host == host
    assert not load_settings(environ={"CANDID_WEB__ENABLED": "0"}).web.enabled


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_none(host: str) -> None:
    config(f"[web]\nhost = '{host}'")
    assert load_settings(environ=NONE).web.host == host


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[web]\nhost = ''", "[web] host"),
        (
            "[discord]\napi = 'discord.com'",
            '[discord] api: found "discord.com", accepted is "" or an address with http://',
        ),
        (
            "[discord]\ngateway = 'http://x'",
            '[discord] gateway: found "http://x", accepted is "" or an address with ws://',
        ),
        ("[telegram]\nwebhook_listen = '8081'", '[telegram] webhook_listen: found "8081", accepted is host:port'),
        ("[telegram]\nwebhook_listen = '[::1'", '[telegram] webhook_listen: found "[::1"'),
        ("[telegram]\nwebhook_listen = '127.0.0.1:99999'", "[telegram] webhook_listen"),
        ("[telegram]\nbase_url = '127.0.0.1:81'", "[telegram] base_url"),
        ("[discord]\napi = 'http://[::1'", '[discord] api: found "http://[::1", accepted is'),
        ("[discord]\napi = 'http://127.0.0.1:99999'", "[discord] api"),
        ("[store]\npath = ''", '[store] path: found "", accepted is a file'),
        ("[web]\nproxy = 'example.org'", "[web] proxy"),
    ],
)
def test_addresses(text: str, says: str) -> None:
    assert refusal(text).startswith(says)


def test_a_webhook_needs_its_address_and_its_secret() -> None:
    text = "[telegram]\nmode = 'webhook'\n"
    assert "TELEGRAM_WEBHOOK_SECRET" in refusal(text, {"TELEGRAM_TOKEN": "1:a"})
    text += "webhook_url = 'https://candid.example.org/telegram'\n"
    assert "TELEGRAM_WEBHOOK_SECRET" in refusal(text, {"TELEGRAM_TOKEN": "1:a"})
    assert "letters, digits" in refusal(text, {"TELEGRAM_TOKEN": "1:a", "TELEGRAM_WEBHOOK_SECRET": "a/b"})
    config(text)
    assert load_settings(environ={"TELEGRAM_TOKEN": "1:a", "TELEGRAM_WEBHOOK_SECRET": "a_b"}).telegram.mode == "webhook"


def test_the_real_environment_is_the_default() -> None:
    assert load_settings.__defaults__ == (None, os.environ)
