"""`candid settings export|import`: a server's settings as a file that people can read, change and put back."""

import asyncio
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

from bot.community import RuleBook
from bot.community.rule_values import AUDIENCES, MODES, platform
from bot.errors import Refusal, SettingsError, in_words
from bot.secret import Secret
from bot.sensitivity import SENSITIVITIES
from bot.settings import Settings
from bot.store import Json, Store
from bot.wording import languages

BY = "candid settings import"  # in the list of changes
_OPT_OUT = {"discord": "/candid optout", "telegram": "/optout"}

_LINES = {  # what each setting means, and an example for those that aren't set
    "channels": ('Where every picture is checked: channels or topics, or "*" for everywhere.', '["*"]'),
    "mode": (f"What is done with the verdict there: {', '.join(MODES)}.", '"reply"'),
    "audience": (f"Who sees the answer to a command: {', '.join(AUDIENCES)}.", '"everyone"'),
    "sensitivity": (
        f"How sure to be: one false accusation in {', '.join(map(str, SENSITIVITIES))}; unset: as published.",
        "300",
    ),
    "log_channel": ("Where verdicts and appeals are listed for the moderators.", '"123"'),
    "exempt_users": ('Whose pictures are left alone, such as "discord:user/123" or "telegram:user/123".', "[]"),
    "exempt_roles": ('Roles whose members\' pictures are left alone; Telegram has one, "admins".', "[]"),
    "exempt_channels": ("Channels or topics where pictures are left alone.", "[]"),
    "users": ('Roles that may use the commands, or "admins"; none named: everybody.', "[]"),
    "per_user_per_minute": ("Pictures a person may have checked in a minute; unset: the host's limit.", "3"),
    "per_server_per_day": ("Pictures that may be checked here in a day; unset: the host's limit.", "500"),
    "language": (f"Language of the answers: {', '.join(languages())}; unset: the platform's.", '"en"'),
    "appeals": ("Whether authors may appeal to the moderators (needs log_channel).", "true"),
    "review": ("Whether reported and appealed pictures are kept to learn from.", "false"),
}


def export_settings(settings: Settings, server: str, file: Path | None) -> int:
    """Writes the settings of `server` as TOML, to standard output when no file is named."""
    text = asyncio.run(_export(_database(settings, server), server))
    if file is None:
        print(text, end="")
        return 0
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise SettingsError(f"{file} can't be written: {in_words(error)}.") from error
    print(f"{file} holds the settings of {server}.")
    return 0


def import_settings(settings: Settings, server: str, file: Path) -> int:
    """Sets what `file` says, all of it or, with a sentence for every fault, nothing."""
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} can't be read: {in_words(error)}.") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not written as TOML wants it: {error}.") from error
    reviewable = bool(settings.review.directory)
    changes, begins = asyncio.run(_import(_database(settings, server), server, file, table, reviewable))
    print(f"{server}: {changes} settings changed." if changes != 1 else f"{server}: 1 setting changed.")
    if begins:  # in the chat, members are told by the bot
        print(
            "Reported and appealed pictures are kept there from now on, and its members don't know yet: please tell them, "
            f"and that {_OPT_OUT[server.partition(':')[0]]} keeps theirs out."
        )
    return 0


async def _export(where: Path | Secret, server: str) -> str:
    store = await Store.open(where)
    try:
        return _written(server, await RuleBook(store).export(server))
    finally:
        await store.close()


async def _import(
    where: Path | Secret, server: str, file: Path, table: Mapping[str, object], reviewable: bool
) -> tuple[int, bool]:
    """How many settings changed, and whether review begins with that."""
    store = await Store.open(where)
    try:
        book = RuleBook(store, reviewable=reviewable)
        before, reviewed = len(await store.audit(server)), (await book.read(server)).review
        rules = await book.load(server, BY, table)
        return len(await store.audit(server)) - before, rules.review and not reviewed
    except Refusal as refusal:
        raise SettingsError(f"{file}: nothing was changed.\n{refusal}") from refusal
    finally:
        await store.close()


def _database(settings: Settings, server: str) -> Path | Secret:
    """Where it is; SettingsError when there is none yet, or `server` can't be in it."""
    try:
        platform(server)
    except Refusal as refusal:
        raise SettingsError(str(refusal)) from refusal
    path = Path(settings.store.path)
    if not settings.store.url and not path.is_file():
        raise SettingsError(f"[store] path {str(path)!r} does not exist yet: start Candid once, or name its --config.")
    return settings.store.where


def _written(server: str, rules: Mapping[str, Json]) -> str:
    lines = [f"# The settings of {server}, for: candid settings import {server} FILE", "# What is left out is unset."]
    for key, value in rules.items():
        means, example = _LINES[key]
        lines += ["", f"# {means}"]
        lines.append(f"# {key} = {example}" if value is None else f"{key} = {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"
