"""`candid setup` against the loopback platforms: the token is checked, written for its owner only, and never shown."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.accounts import Account
from bot.commands.setup import setup
from bot.environment import read_env_file, write_env_file
from bot.settings import default_settings
from tests.commands.candid import candid
from tests.peers.discord import World
from tests.peers.telegram import Telegram


async def test_discord_from_standard_input(tmp_path: Path) -> None:
    async with World() as world:
        ended = await candid("setup", "discord", cwd=tmp_path, stdin=f"{world.token}\n", CANDID_DISCORD__API=world.api)
        assert ended.code == 0, ended.err
        assert f"client_id={world.application_id}" in ended.out
        assert "scope=bot+applications.commands" in ended.out and "permissions=" in ended.out
        assert "Message Content Intent" in ended.out
        assert world.token not in ended.out + ended.err
        assert read_env_file(tmp_path / ".env") == {"DISCORD_TOKEN": world.token}
        assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


async def test_telegram_as_an_option_beside_another_config(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    async with Telegram() as telegram:
        (tmp_path / "etc/own.toml").write_text(f"[telegram]\nbase_url = '{telegram.url}'\n")
        write_env_file(tmp_path / "etc/.env", "DISCORD_TOKEN", "kept")
        (tmp_path / "etc/.env").chmod(0o644)
        ended = await candid(
            *("setup", "telegram", "--token", telegram.token, "--config", "etc/own.toml"),
            cwd=tmp_path,
            TELEGRAM_TOKEN="1:other",
        )
        assert ended.code == 0, ended.err
        assert "https://t.me/candid_bot" in ended.out and "/setprivacy" in ended.out
        assert "TELEGRAM_TOKEN or TELEGRAM_TOKEN_FILE is set in the environment too" in ended.out
        assert telegram.token not in ended.out + ended.err
        assert read_env_file(tmp_path / "etc/.env") == {"DISCORD_TOKEN": "kept", "TELEGRAM_TOKEN": telegram.token}
        assert (tmp_path / "etc/.env").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("platform", "token", "says"),
    [
        ("discord", "wrong", "Discord refuses this token"),
        ("telegram", "1:wrong", "Telegram refuses this token"),
        ("telegram", "wrong", "That is no Telegram token"),
        ("discord", "", "There is no token"),
    ],
)
async def test_a_wrong_token_changes_nothing(tmp_path: Path, platform: str, token: str, says: str) -> None:
    async with World() as world, Telegram() as telegram:
        ended = await candid(
            *("setup", platform),
            cwd=tmp_path,
            stdin=token,
            CANDID_DISCORD__API=world.api,
            CANDID_TELEGRAM__BASE_URL=telegram.url,
        )
    assert ended.code == 1 and ended.err.startswith(says) and ended.err.endswith("othing was changed.\n")
    assert not (tmp_path / ".env").exists()


async def test_a_platform_that_is_away(tmp_path: Path) -> None:
    ended = await candid("setup", "discord", cwd=tmp_path, stdin="x", CANDID_DISCORD__API="http://127.0.0.1:1")
    assert ended.code == 1 and "Discord can't be reached from here" in ended.err


async def test_without_a_platform_and_a_terminal(tmp_path: Path) -> None:
    ended = await candid("setup", cwd=tmp_path, stdin="x")
    assert ended.code == 1 and "candid setup discord" in ended.err


def test_a_file_that_can_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def look(*_: object) -> Account:
        return Account("Candid#1", (), "https://example.org")

    monkeypatch.setattr("bot.commands.setup._platform", lambda name: SimpleNamespace(look=look))
    assert setup(default_settings(), "discord", "s3cr3t", tmp_path / "gone" / ".env") == 1
    out, err = capsys.readouterr()
    assert (
        err
        == f"The token is right, but {tmp_path / 'gone' / '.env'} can't be written: there is no such file or folder.\n"
    )
    assert "s3cr3t" not in out + err


@pytest.mark.parametrize(("platform", "says"), [(None, "Please say which"), ("discord", "There is no token")])
def test_ctrl_d_is_no_answer(
    platform: str | None,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def leave(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", leave)
    monkeypatch.setattr("getpass.getpass", leave)
    assert setup(default_settings(), platform, None, tmp_path / ".env") == 1
    assert capsys.readouterr().err.startswith(says)


def test_the_env_file_keeps_other_lines(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# mine\nexport DISCORD_TOKEN=old\nOTHER='a b'\nDISCORD_TOKEN=older")
    write_env_file(path, "DISCORD_TOKEN", "new")
    assert path.read_text() == "# mine\nOTHER='a b'\nDISCORD_TOKEN=new\n"
