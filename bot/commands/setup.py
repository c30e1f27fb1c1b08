"""`candid setup`: check a token, write it where only its owner can read it, and say what is left to do."""

import asyncio
import getpass
import os
import sys
from pathlib import Path
from types import ModuleType

from bot.accounts import Account, TokenRefused, Unreachable
from bot.environment import write_env_file
from bot.errors import in_words
from bot.settings import Secret, Settings

PLATFORMS = ("discord", "telegram")


def setup(settings: Settings, platform: str | None, token: str | None, env_file: Path) -> int:
    """0 when the token was checked and written, 1 otherwise. `env_file` is the one that `candid` will read."""
    try:
        platform = platform or _ask_platform()
    except EOFError:  # Ctrl+D
        platform = ""
    if platform not in PLATFORMS:
        print("Please say which: candid setup discord, or candid setup telegram.", file=sys.stderr)
        return 1
    known = _platform(platform)
    try:
        secret = Secret((token or _ask_token(platform, known)).strip())
    except EOFError:
        secret = Secret()
    if not secret:
        print("There is no token; nothing was changed.", file=sys.stderr)
        return 1
    try:
        account = asyncio.run(known.look(getattr(settings, platform), secret))
    except (TokenRefused, Unreachable) as error:
        print(f"{error} Nothing was changed.", file=sys.stderr)
        return 1
    name = f"{platform.upper()}_TOKEN"
    try:
        write_env_file(env_file, name, secret.reveal())
    except OSError as error:
        print(f"The token is right, but {env_file} can't be written: {in_words(error)}.", file=sys.stderr)
        return 1
    _tell(platform, account, env_file, name)
    return 0


def _tell(platform: str, account: Account, env_file: Path, name: str) -> None:
    print(f"The token is right: it belongs to {account.name}. It is now in {env_file}, which only you can read.")
    for point in account.points:
        print(f"  {point.grade:<5}  {point.says}")
    for step in account.steps:
        print(f"  todo   {step}")
    if os.environ.get(name) or os.environ.get(f"{name}_FILE"):
        print(f"  note   {name} or {name}_FILE is set in the environment too, and goes before the file.")
    print(f"Add it to a {'server' if platform == 'discord' else 'group, or write to it'}: {account.link}")
    print("Then start Candid (again): candid")


def _platform(name: str) -> ModuleType:
    """Its module; the other's library is not imported."""
    if name == "discord":
        from bot.accounts import discord

        return discord
    from bot.accounts import telegram

    return telegram


def _ask_platform() -> str:
    if not sys.stdin.isatty():
        return ""
    return input("Discord or Telegram? ").strip().lower()


def _ask_token(platform: str, known: ModuleType) -> str:
    """From the terminal, unseen, or the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    print(*known.HOW_TO_GET_A_TOKEN, sep="\n")
    return getpass.getpass(f"The {platform.capitalize()} token (it does not show): ")
