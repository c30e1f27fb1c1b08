"""`candid settings export` and `import`: a file that people can read, and that is taken as a whole or not at all."""

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot.commands.server_settings import BY, export_settings, import_settings
from bot.community import Mode, RuleBook, Rules
from bot.errors import SettingsError
from bot.settings import Settings
from bot.store import Json, Store
from tests.commands.candid import candid

SERVER = "discord:123456789"
FULL: dict[str, Any] = {
    "channels": ["1", "*"],
    "mode": "log",
    "audience": "asker",
    "sensitivity": 300,
    "log_channel": "7",
    "exempt_users": ["discord:user/5"],
    "exempt_roles": ["44"],
    "exempt_channels": ["3"],
    "users": ["55", "56"],
    "per_user_per_minute": 2.5,
    "per_server_per_day": 100,
    "language": "en",
    "appeals": False,
    "review": True,
}


async def fill(path: Path, **changes: Any) -> None:
    store = await Store.open(path)
    await RuleBook(store).change(SERVER, "discord:user/9", **changes)
    await store.close()


async def rules_of(path: Path, server: str) -> tuple[Rules, list[dict[str, Json]]]:
    store = await Store.open(path)
    try:
        return await RuleBook(store).read(server), await store.audit(server)
    finally:
        await store.close()


async def test_from_one_server_to_another(tmp_path: Path) -> None:
    """As a person does it, also for a Telegram chat, whose name has a minus in it."""
    path = tmp_path / "data" / "candid.sqlite3"
    await fill(path, **FULL)
    ended = await candid("settings", "export", SERVER, "settings.toml", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert tomllib.loads((tmp_path / "settings.toml").read_text("utf-8")) == FULL
    ended = await candid("settings", "import", "discord:987", "settings.toml", cwd=tmp_path)
    assert (ended.code, "keeps no pictures" in ended.err) == (1, True)  # it says review = true
    host = {"CANDID_REVIEW__DIRECTORY": "pictures"}
    ended = await candid("settings", "import", "discord:987", "settings.toml", cwd=tmp_path, **host)
    first, told = ended.out.splitlines()
    assert (ended.code, first, ended.err) == (0, f"discord:987: {len(FULL)} settings changed.", "")
    assert "its members don't know yet" in told and "/candid optout" in told  # the bot tells them where it is asked
    there, audit = await rules_of(path, "discord:987")
    assert there == (await rules_of(path, SERVER))[0]
    assert {row["changed_by"] for row in audit} == {BY}
    ended = await candid("settings", "import", "discord:987", "settings.toml", cwd=tmp_path, **host)
    assert ended.out == "discord:987: 0 settings changed.\n"
    (tmp_path / "chat.toml").write_text('channels = ["*"]\n')
    ended = await candid("settings", "import", "telegram:-100200", "chat.toml", cwd=tmp_path)
    assert (ended.code, ended.out) == (0, "telegram:-100200: 1 setting changed.\n")
    assert (await rules_of(path, "telegram:-100200"))[0] == Rules(channels=("*",))


async def test_every_fault_has_a_sentence_and_nothing_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "data" / "candid.sqlite3"
    await fill(path, channels=["1"])
    (tmp_path / "wrong.toml").write_text('channels = ["2"]\nmodde = "log"\nsensitivity = 50\n[appeals]\non = true\n')
    ended = await candid("settings", "import", SERVER, "wrong.toml", cwd=tmp_path)
    assert (ended.code, ended.out) == (1, "")
    first, *sentences = ended.err.splitlines()
    assert first == "candid: wrong.toml: nothing was changed."
    assert len(sentences) == 3
    for sentence, words in zip(sentences, ("Did you mean mode?", "1000, 300, 100, 30", "true or false"), strict=True):
        assert words in sentence
    assert (await rules_of(path, SERVER))[0] == Rules(channels=("1",))


async def test_a_file_may_be_changed_by_hand(tmp_path: Path, settings: Settings) -> None:
    path = Path(settings.store.path)
    await fill(path, channels=["1"], mode="react")
    file = tmp_path / "settings.toml"
    await in_thread(export_settings, settings, SERVER, file)
    text = file.read_text()
    assert "# sensitivity = 300" in text  # an example that only has to be uncommented
    for key in Rules.__dataclass_fields__:
        assert f"\n{key} = " in text or f"\n# {key} = " in text
    uncommented = "".join(line.removeprefix("# ") + "\n" for line in text.splitlines() if " = " in line)
    file.write_text(uncommented.replace('mode = "react"', 'mode = "log"'))
    await in_thread(import_settings, settings, SERVER, file)
    rules, _ = await rules_of(path, SERVER)
    assert (rules.mode, rules.sensitivity, rules.per_server_per_day, rules.language) == (Mode.LOG, 300, 500, "en")


async def test_without_a_file_it_goes_to_standard_output(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await fill(Path(settings.store.path), channels=["1"])
    await in_thread(export_settings, settings, SERVER, None)
    found = tomllib.loads(capsys.readouterr().out)
    assert found["channels"] == ["1"] and "sensitivity" not in found


async def test_what_can_not_be_done_is_said(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    with pytest.raises(SettingsError, match=r"settings\.toml can't be read: there is no such file or folder"):
        await in_thread(import_settings, settings, SERVER, file)
    file.write_text("channels = [")
    with pytest.raises(SettingsError, match=r"settings\.toml is not written as TOML wants it: Invalid value"):
        await in_thread(import_settings, settings, SERVER, file)
    file.write_text("")
    with pytest.raises(SettingsError, match="is no server"):
        await in_thread(import_settings, settings, "my server", file)
    with pytest.raises(SettingsError, match="does not exist yet"):
        await in_thread(export_settings, settings, SERVER, file)
    assert not Path(settings.store.path).exists()  # noqa: ASYNC240
    await fill(Path(settings.store.path), channels=["1"])
    with pytest.raises(SettingsError, match="can't be written: it is a folder"):
        await in_thread(export_settings, settings, SERVER, tmp_path)


async def in_thread(command: Any, *given: Any) -> None:
    """A command has an event loop of its own."""
    assert await asyncio.to_thread(command, *given) == 0
